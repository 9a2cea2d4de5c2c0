# What tells the sources of the engine, and of all that it is made from, apart: as a C string.
#   cmake -DROOT=FOLDER -DOUT=FILE.c -DNAME=SYMBOL -P sources-hash.cmake
file(GLOB_RECURSE sources RELATIVE "${ROOT}" "${ROOT}/include/vitcod/*" "${ROOT}/src/core/*.[ch]"
     "${ROOT}/src/plan/*.[ch]" "${ROOT}/src/kernels/*.[ch]" "${ROOT}/src/models/*.[ch]"
     "${ROOT}/src/engine/*.[ch]")
set(all "")
foreach(source ${sources})
  file(SHA256 "${ROOT}/${source}" hash)
  string(APPEND all "${source} ${hash}\n")
endforeach()
string(SHA256 all "${all}")
string(SUBSTRING "${all}" 0 16 all)
file(WRITE "${OUT}" "extern const char ${NAME}[];\nconst char ${NAME}[] = \"${all}\";\n")
