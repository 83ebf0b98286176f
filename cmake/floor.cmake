# What every target of Hongbao is built with.
add_library(hongbao_options INTERFACE)
target_include_directories(hongbao_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(hongbao_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual
  -fno-omit-frame-pointer)
# Boost.JSON is compiled into its shared library; Beast stays header-only.
target_compile_definitions(hongbao_options INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE)
# As libhiredis's own flags say, and so everywhere: precompiled headers want the same of all.
target_compile_definitions(hongbao_options INTERFACE _FILE_OFFSET_BITS=64)
target_link_libraries(hongbao_options INTERFACE Threads::Threads)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # Half a gigabyte before g++ looks for garbage: an eighth of its time.
  target_compile_options(hongbao_options INTERFACE --param=ggc-min-heapsize=524288)
  if(CMAKE_UNITY_BUILD)
    # Where it inlines a whole call, g++ 12 sees the value that a failed std::expected does not have.
    target_compile_options(hongbao_options INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(HONGBAO_WERROR)
  target_compile_options(hongbao_options INTERFACE -Werror)
endif()
if(HONGBAO_SANITIZE)
  target_compile_options(hongbao_options INTERFACE -fsanitize=${HONGBAO_SANITIZE} -fno-sanitize-recover=all)
  if(HONGBAO_SANITIZE STREQUAL "thread")
    # ThreadSanitizer does not model the fences in Asio's headers, and g++ says so.
    target_compile_options(hongbao_options INTERFACE -Wno-tsan)
  endif()
  target_link_options(hongbao_options INTERFACE -fsanitize=${HONGBAO_SANITIZE})
endif()

# Every test binary, and nothing else: what sanitizers watch (tests/builds).
add_custom_target(gtests)

# hongbao_floor(NAME SOURCES … TESTS … LINKS …)
#
# One library target `hongbao_NAME` for a folder, and one test binary `NAME_test` from the `x_test.cc` files that stand
# beside its sources. LINKS names lower floors and third-party libraries.
function(hongbao_floor name)
  cmake_parse_arguments(FLOOR "" "" "SOURCES;TESTS;LINKS" ${ARGN})
  if(FLOOR_SOURCES)
    add_library(hongbao_${name} STATIC ${FLOOR_SOURCES})
    target_link_libraries(hongbao_${name} PUBLIC hongbao_options ${FLOOR_LINKS})
  else()
    add_library(hongbao_${name} INTERFACE)
    target_link_libraries(hongbao_${name} INTERFACE hongbao_options ${FLOOR_LINKS})
  endif()
  if(FLOOR_TESTS)
    add_executable(${name}_test ${FLOOR_TESTS})
    target_link_libraries(${name}_test PRIVATE hongbao_${name} GTest::gtest GTest::gmock GTest::gtest_main rapidcheck)
    add_dependencies(gtests ${name}_test)
    add_test(NAME ${name}_test COMMAND ${name}_test)
    set_tests_properties(${name}_test PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()
