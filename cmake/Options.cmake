# Flags that every target of the project gets, and switchyard_library(), which makes one static
# library of one folder under src/.

add_library(switchyard_options INTERFACE)
target_compile_options(switchyard_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports initialised variables in coroutines and inlined containers as uninitialised,
  # and TSan does not see fences (used inside Asio only where it sees the operations as well).
  target_compile_options(switchyard_options INTERFACE
    -fcoroutines -Wno-maybe-uninitialized -Wno-tsan -Wno-stringop-overread -Wno-stringop-overflow
    -Wno-array-bounds -Wno-restrict -Wno-dangling-pointer -Wno-mismatched-new-delete)
endif()
target_compile_definitions(switchyard_options INTERFACE
  SWITCHYARD_VERSION="${PROJECT_VERSION}"
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY
  SPDLOG_COMPILED_LIB)
target_include_directories(switchyard_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
# Those whose compile definitions the precompiled headers see, so every target has them.
target_link_libraries(switchyard_options INTERFACE Threads::Threads spdlog::spdlog Boost::json
                                                   Boost::url)

if(SWITCHYARD_SANITIZE)
  target_compile_options(switchyard_options INTERFACE
    -fsanitize=${SWITCHYARD_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(switchyard_options INTERFACE -fsanitize=${SWITCHYARD_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What sanitizers know of each place is full of addresses: without relocations, which touch all of
    # it, a program starts in half the time, and the suite starts thousands.
    target_link_options(switchyard_options INTERFACE
                        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-no-pie>)
  endif()
  if(SWITCHYARD_SANITIZE MATCHES "address")
    target_compile_definitions(switchyard_options INTERFACE SWITCHYARD_ASAN)
  endif()
  if(SWITCHYARD_SANITIZE MATCHES "thread")
    target_compile_definitions(switchyard_options INTERFACE SWITCHYARD_TSAN)
  endif()
endif()
if(SWITCHYARD_FUZZ)
  target_compile_options(switchyard_options INTERFACE -fsanitize=fuzzer-no-link)
  # clang 14 can't assemble a coroutine that is a free function together with this check.
  target_compile_options(switchyard_options INTERFACE -fno-sanitize=function)
endif()

# Precompiled headers, each compiled once and shared: `std` for everything, `asio` for the control
# side (Asio, Beast, JSON), `test` for what uses GoogleTest.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(switchyard_options INTERFACE -fpch-preprocess)  # for ccache
endif()
foreach(set std asio test)
  add_library(switchyard_pch_${set} OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch/empty.cpp)
  target_link_libraries(switchyard_pch_${set} PRIVATE switchyard_options)
  target_precompile_headers(switchyard_pch_${set} PRIVATE
                            ${PROJECT_SOURCE_DIR}/cmake/pch/${set}.hpp)
endforeach()

# Most of what a file costs is what it includes. Files whose names in anonymous namespaces are also
# another's of their target are compiled alone: switchyard_alone(FILES...).
if(SWITCHYARD_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A file that is included may use anonymous namespaces: it is in this file only.
    target_compile_options(switchyard_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()
function(switchyard_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# Under a sanitizer the tests themselves are not optimised, nor checked by UBSan, and with them not
# what they include of headers: compiling them took most of the time. (A function of a header that is not
# inlined is the test's then, also where code of src/ calls it.) The programs that the integration
# and conformance tests run are checked as a whole. To be linked after
# switchyard_options: the last word on a check is the one that counts.
add_library(switchyard_test_options INTERFACE)
target_link_libraries(switchyard_test_options INTERFACE switchyard_options)
if(SWITCHYARD_SANITIZE AND NOT SWITCHYARD_FUZZ)
  target_compile_options(switchyard_test_options INTERFACE -O0)
  if(SWITCHYARD_SANITIZE MATCHES "undefined")
    target_compile_options(switchyard_test_options INTERFACE -fno-sanitize=undefined)
  endif()
endif()

# Programs that only drive the real ones, as clients and origins, are not checked at all: what is
# checked in their tests are the programs they run. switchyard_driver_link is for the programs.
add_library(switchyard_driver_options INTERFACE)
add_library(switchyard_driver_link INTERFACE)
target_link_libraries(switchyard_driver_options INTERFACE switchyard_options)
target_link_libraries(switchyard_driver_link INTERFACE switchyard_driver_options)
if(SWITCHYARD_SANITIZE AND NOT SWITCHYARD_FUZZ)
  target_compile_options(switchyard_driver_options INTERFACE -O0 -fno-sanitize=all)
  target_link_options(switchyard_driver_link INTERFACE -fno-sanitize=all)
endif()

# switchyard_library(NAME SOURCES... DEPENDS other folders and libraries... [PCH std|asio])
function(switchyard_library name)
  cmake_parse_arguments(ARG "" "PCH" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_PCH)
    set(ARG_PCH std)
  endif()
  add_library(switchyard_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(switchyard_${name} PUBLIC switchyard_options ${ARG_DEPENDS})
  target_precompile_headers(switchyard_${name} REUSE_FROM switchyard_pch_${ARG_PCH})
endfunction()
