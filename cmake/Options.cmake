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
target_link_libraries(switchyard_options INTERFACE Threads::Threads)

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
endif()

# switchyard_library(NAME SOURCES... DEPENDS other folders and libraries...)
function(switchyard_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(switchyard_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(switchyard_${name} PUBLIC switchyard_options ${ARG_DEPENDS})
endfunction()
