# Installation: libraries, public headers, programs, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

install(TARGETS gracedb_core gracedb_auth gracedb_messages gracedb_kafka gracedb_rest EXPORT gracedb-kafka-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/gracedb DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT gracedb-kafka-targets NAMESPACE gracedb:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gracedb-kafka)
configure_package_config_file(cmake/gracedb-kafka-config.cmake.in gracedb-kafka-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gracedb-kafka)
write_basic_package_version_file(gracedb-kafka-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/gracedb-kafka-config.cmake
  ${PROJECT_BINARY_DIR}/gracedb-kafka-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/gracedb-kafka)
file(RELATIVE_PATH GRACEDB_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/gracedb-kafka.pc.in gracedb-kafka.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gracedb-kafka.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(GRACEDB_PROGRAMS)
  install(TARGETS gracedb-kafka gracedb-kafka-supervisor gracedb-sandbox
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES packaging/gracedb-kafka-supervisor.service DESTINATION lib/systemd/system)
endif()
