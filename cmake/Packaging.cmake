# Installation: libraries, public headers, programs, a CMake package, a pkg-config file and a systemd unit.
include(CMakePackageConfigHelpers)

# From the highest layer to the lowest, as a linker needs static libraries.
set(installed_layers rest kafka messages auth core)

list(TRANSFORM installed_layers PREPEND gracedb_ OUTPUT_VARIABLE installed_libraries)
install(TARGETS ${installed_libraries} EXPORT gracedb-kafka-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/gracedb DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# CMake package
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/gracedb-kafka)
install(EXPORT gracedb-kafka-targets NAMESPACE gracedb:: DESTINATION ${package_dir})
configure_package_config_file(cmake/gracedb-kafka-config.cmake.in gracedb-kafka-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(gracedb-kafka-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/gracedb-kafka-config.cmake
  ${PROJECT_BINARY_DIR}/gracedb-kafka-config-version.cmake
  DESTINATION ${package_dir})

# pkg-config file. The libraries that ours need are shared libraries, which bring their own dependencies; so
# `--static` must list them alone. Requires.private would also list the dependencies of their static versions
# (-lldap, -llz4, ...), whose development packages need not be installed.
pkg_check_modules(PRIVATE_LIBRARIES REQUIRED QUIET rdkafka libcurl openssl spdlog fmt simdjson)
foreach(directory IN LISTS CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
  list(REMOVE_ITEM PRIVATE_LIBRARIES_LDFLAGS -L${directory})
endforeach()
list(REMOVE_DUPLICATES PRIVATE_LIBRARIES_LDFLAGS)
list(JOIN PRIVATE_LIBRARIES_LDFLAGS " " GRACEDB_PRIVATE_LIBS)
list(TRANSFORM installed_libraries PREPEND -l)
list(JOIN installed_libraries " " GRACEDB_LIBS)
file(RELATIVE_PATH GRACEDB_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/gracedb-kafka.pc.in gracedb-kafka.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/gracedb-kafka.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Programs. The unit names the program by its absolute path, which is known only during the installation
# (cmake --install --prefix).
if(GRACEDB_PROGRAMS)
  install(TARGETS gracedb-kafka gracedb-kafka-supervisor gracedb-sandbox
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set(unit gracedb-kafka-supervisor.service)
  install(CODE "
    set(SUPERVISOR_BINDIR \"${CMAKE_INSTALL_BINDIR}\")
    cmake_path(ABSOLUTE_PATH SUPERVISOR_BINDIR BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\" NORMALIZE)
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/${unit}.in\" \"${PROJECT_BINARY_DIR}/${unit}\" @ONLY)")
  install(FILES ${PROJECT_BINARY_DIR}/${unit} DESTINATION lib/systemd/system)
endif()
