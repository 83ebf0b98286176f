# hongbao_proto(NAME FILE.proto): a library `NAME` of the generated code, for `#include <FILE.pb.h>`. What protoc writes
# is not ours to warn about.
find_package(Protobuf REQUIRED)
function(hongbao_proto name proto)
  add_library(${name} STATIC)
  protobuf_generate(TARGET ${name} LANGUAGE cpp PROTOS ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
endfunction()
