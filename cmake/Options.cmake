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

# Under a sanitizer the tests themselves are not optimised, nor checked by UBSan, and with them not
# what they include of headers: compiling them took most of the time. The programs that the
# integration and conformance tests run are checked as a whole.
set(SWITCHYARD_TEST_OPTIONS)
if(SWITCHYARD_SANITIZE AND NOT SWITCHYARD_FUZZ)
  set(SWITCHYARD_TEST_OPTIONS -O0)
  if(SWITCHYARD_SANITIZE MATCHES "undefined")
    list(APPEND SWITCHYARD_TEST_OPTIONS -fno-sanitize=undefined)
  endif()
endif()
target_compile_options(switchyard_pch_test PRIVATE ${SWITCHYARD_TEST_OPTIONS})

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
