# Warnings, sanitizers and one function for each layer's library; for our own code only.
add_library(gracedb_our_code INTERFACE)
target_compile_options(gracedb_our_code INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in std::string's operator+ where there are none (its bug 105651).
  target_compile_options(gracedb_our_code INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # librdkafka's RD_KAFKA_V_ macros are made of them.
  target_compile_options(gracedb_our_code INTERFACE -Wno-gnu-statement-expression)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # A twentieth of its time goes to collecting the garbage of what has to fit into a developer's memory anyway.
  add_compile_options("SHELL:--param ggc-min-heapsize=1000000")
endif()
if(GRACEDB_SANITIZE)
  # Everything in the build, tests too, so that no object is left unchecked.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer $<$<NOT:$<CONFIG:Debug>>:-g1>)
  add_link_options(-fsanitize=address,undefined)
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# gracedb_prelude(<name> <header> <source>): a precompiled header, for gracedb_use_prelude(<target> <name>).
function(gracedb_prelude name header source)
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PUBLIC fmt::fmt nlohmann_json::nlohmann_json PRIVATE gracedb_our_code)
  target_precompile_headers(${name} PRIVATE ${header})
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    # Or ccache would give back what Clang takes for outdated.
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()
function(gracedb_use_prelude target name)
  if(GRACEDB_PRELUDE)
    target_link_libraries(${target} PRIVATE fmt::fmt)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()
set(prelude_dir ${PROJECT_SOURCE_DIR}/cmake/prelude)
if(GRACEDB_PRELUDE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-fpch-preprocess)  # or ccache would not keep what is compiled with it
  endif()
  gracedb_prelude(gracedb_prelude ${prelude_dir}/prelude.hpp ${prelude_dir}/prelude.cpp)
endif()

# gracedb_layer(<name> <source>...): the library gracedb_<name>, known as gracedb::<name>.
function(gracedb_layer name)
  add_library(gracedb_${name} ${ARGN})
  add_library(gracedb::${name} ALIAS gracedb_${name})
  target_include_directories(gracedb_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(gracedb_${name} PUBLIC cxx_std_20)
  target_link_libraries(gracedb_${name} PRIVATE $<BUILD_INTERFACE:gracedb_our_code>)
  gracedb_use_prelude(gracedb_${name} gracedb_prelude)
  set_target_properties(gracedb_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION 0)
endfunction()

# gracedb_program(<name> <source>...): a program in build/bin.
function(gracedb_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/programs)
  target_link_libraries(${name} PRIVATE gracedb_our_code)
endfunction()
