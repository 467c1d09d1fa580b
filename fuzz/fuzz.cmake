# SPDX-License-Identifier: Apache-2.0
# libFuzzer drivers, instead of the tests: clang and -DWEIR_FUZZ=ON, then for example
#   fuzz_json -max_total_time=60 FOUND seeds...
# New inputs go to the first folder, FOUND; seeds are only read. The oracle is the sanitizers, and a
# trap where a property that the driver's head states does not hold.
function(weir_fuzz NAME)
  set(files ${WEIR_CORE_FILES})
  list(JOIN ARGN "|" floors)
  list(FILTER files INCLUDE REGEX "^src/(${floors})/")
  add_executable(${NAME} fuzz/${NAME}.c ${files})
  target_include_directories(${NAME} PRIVATE src include)
  target_link_libraries(${NAME} PRIVATE weir_flags m)
  target_compile_options(${NAME} PRIVATE -fsanitize=fuzzer,address,undefined
    -fno-sanitize-recover=all)
  target_link_options(${NAME} PRIVATE -fsanitize=fuzzer,address,undefined)
endfunction()

weir_fuzz(fuzz_json base value)
weir_fuzz(fuzz_rego base value rego)
weir_fuzz(fuzz_h1 base wire)
weir_fuzz(fuzz_regex base value rego)
weir_fuzz(fuzz_builtin base value rego)

# OpenSSL itself is not instrumented: what is held here is our own reading of DER and PEM.
weir_fuzz(fuzz_x509 base value rego)
target_sources(fuzz_x509 PRIVATE src/shell/der.c src/shell/pem.c src/shell/go_value.c
  src/shell/key.c src/shell/key_open.c src/shell/certificate.c src/shell/certificate_chain.c
  src/shell/certificate_extension.c src/shell/certificate_uri.c src/shell/crypto.c)
target_link_libraries(fuzz_x509 PRIVATE OpenSSL::Crypto)
