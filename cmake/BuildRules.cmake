# Warnings, sanitizers, precompiled headers, and one function per kind of target.

# The warnings for code of this project. CMAKE_COMPILE_WARNING_AS_ERROR, which the presets set, makes them errors.
add_library(gracedb_warnings INTERFACE)
target_compile_options(gracedb_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 to 14 report accesses beyond a std::string, and GCC 12 overlapping copies (GCC bug 105651), in inlined code of
  # the standard library and of nlohmann::json.
  target_compile_options(gracedb_warnings INTERFACE
    -Wno-array-bounds
    $<$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>:-Wno-restrict>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # The RD_KAFKA_V_ macros of librdkafka use statement expressions.
  target_compile_options(gracedb_warnings INTERFACE -Wno-gnu-statement-expression -Wthread-safety)
endif()

# GRACEDB_SANITIZE: OFF, ON (address and undefined behaviour) or thread. It applies to every target, tests too.
if(GRACEDB_SANITIZE)
  set(sanitizers address,undefined)
  if(GRACEDB_SANITIZE STREQUAL thread)
    set(sanitizers thread)
  endif()
  add_compile_options(
    -fsanitize=${sanitizers}
    -fno-sanitize-recover=all
    -fno-omit-frame-pointer
    $<$<NOT:$<CONFIG:Debug>>:-g1>)
  add_link_options(-fsanitize=${sanitizers})
endif()

# gracedb_precompiled_header(<name> <header> <source>): a precompiled header for gracedb_use_precompiled_header().
function(gracedb_precompiled_header name header source)
  add_library(${name} OBJECT ${source})
  target_link_libraries(${name} PUBLIC fmt::fmt nlohmann_json::nlohmann_json PRIVATE gracedb_warnings)
  target_precompile_headers(${name} PRIVATE ${header})
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
    # Without this option Clang rejects a precompiled header that ccache restores.
    target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# gracedb_use_precompiled_header(<target> [<name>]): compiles the target with that header, if the build uses any.
function(gracedb_use_precompiled_header target)
  if(GRACEDB_PRECOMPILED_HEADERS)
    set(name gracedb_precompiled_library)
    if(ARGC GREATER 1)
      set(name ${ARGV1})
    endif()
    target_link_libraries(${target} PRIVATE fmt::fmt)
    target_precompile_headers(${target} REUSE_FROM ${name})
  endif()
endfunction()

set(precompiled_dir ${PROJECT_SOURCE_DIR}/cmake/precompiled)
if(GRACEDB_PRECOMPILED_HEADERS)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-fpch-preprocess)  # ccache needs it to cache objects that use a precompiled header
  endif()
  gracedb_precompiled_header(gracedb_precompiled_library
    ${precompiled_dir}/library.hpp ${precompiled_dir}/library.cpp)
endif()

# gracedb_layer(<name> <source>...): the library gracedb_<name>, known as gracedb::<name>.
function(gracedb_layer name)
  add_library(gracedb_${name} ${ARGN})
  add_library(gracedb::${name} ALIAS gracedb_${name})
  target_include_directories(gracedb_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_compile_features(gracedb_${name} PUBLIC cxx_std_20)
  target_link_libraries(gracedb_${name} PRIVATE $<BUILD_INTERFACE:gracedb_warnings>)
  gracedb_use_precompiled_header(gracedb_${name})
  set_target_properties(gracedb_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION 0)
endfunction()

# gracedb_program(<name> <source>...): a program in build/bin.
function(gracedb_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/programs)
  target_link_libraries(${name} PRIVATE gracedb_warnings)
endfunction()
