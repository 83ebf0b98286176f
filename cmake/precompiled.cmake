# Headers of others, parsed once a preset instead of once a file: a third of what a compilation takes. Nothing of ours is
# in them, so that an edit here rebuilds what includes it and no more. A file still includes what it uses.
#
# hongbao_precompile_all() gives every target that is built with hongbao_options the one that fits it. Three are enough:
# each compilation reads its own whole, so what few files need costs all others more than it saves.
set(_base
  <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <expected> <functional> <map> <memory>
  <mutex> <optional> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
  <fmt/format.h> <boost/json/value.hpp> <boost/json/serialize.hpp> <prometheus/registry.h>)
set(_net <boost/asio/io_context.hpp> <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/write.hpp> <boost/beast/core/flat_buffer.hpp> <boost/beast/http/basic_parser.hpp>
  <boost/beast/http/status.hpp> <boost/json.hpp>)
set(_test <gmock/gmock.h> <gtest/gtest.h>)

file(WRITE ${CMAKE_BINARY_DIR}/precompiled.cc.new "")
file(COPY_FILE ${CMAKE_BINARY_DIR}/precompiled.cc.new ${CMAKE_BINARY_DIR}/precompiled.cc ONLY_IF_DIFFERENT)
function(_hongbao_precompiled name links headers)
  add_library(hongbao_precompiled_${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(hongbao_precompiled_${name} PRIVATE hongbao_options Boost::json fmt::fmt prometheus-cpp::core
    ${links})
  target_precompile_headers(hongbao_precompiled_${name} PRIVATE ${_base} ${headers})
endfunction()
_hongbao_precompiled(base "" "")
_hongbao_precompiled(net Boost::headers "${_net}")
_hongbao_precompiled(test "GTest::gtest;GTest::gmock" "${_test}")

# Everything that `target` links, itself or through other targets of ours.
function(_hongbao_links target result)
  set(seen)
  set(waiting ${target})
  while(waiting)
    list(POP_FRONT waiting next)
    if(next IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${next})
    if(TARGET ${next} AND (next STREQUAL target OR next MATCHES "^(hongbao|fuzz)_"))
      foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
        get_target_property(links ${next} ${property})
        if(links)
          list(APPEND waiting ${links})
        endif()
      endforeach()
    endif()
  endwhile()
  set(${result} ${seen} PARENT_SCOPE)
endfunction()

function(hongbao_precompile_all directory)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    if(NOT type MATCHES "EXECUTABLE|STATIC_LIBRARY|OBJECT_LIBRARY" OR target MATCHES "^hongbao_precompiled_")
      continue()
    endif()
    _hongbao_links(${target} links)
    if(NOT hongbao_options IN_LIST links)
      continue()
    endif()
    if(GTest::gtest IN_LIST links)
      set(fitting test)
    elseif(Boost::headers IN_LIST links)
      set(fitting net)
    else()
      set(fitting base)
    endif()
    target_precompile_headers(${target} REUSE_FROM hongbao_precompiled_${fitting})
  endforeach()
  get_property(directories DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(subdirectory IN LISTS directories)
    hongbao_precompile_all(${subdirectory})
  endforeach()
endfunction()
