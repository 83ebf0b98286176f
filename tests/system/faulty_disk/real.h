// The C library's own functions, behind those of the same name in interpose.cc. Any thread.
#pragma once

#include <dirent.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstdio>

namespace faulty_disk {

struct Real {
  int (*open)(const char*, int, ...);
  int (*openat)(int, const char*, int, ...);
  FILE* (*fopen)(const char*, const char*);
  int (*close)(int);
  int (*closedir)(DIR*);
  ssize_t (*write)(int, const void*, size_t);
  ssize_t (*writev)(int, const iovec*, int);
  ssize_t (*pwrite)(int, const void*, size_t, off_t);
  int (*ftruncate)(int, off_t);
  int (*fsync)(int);
  int (*fdatasync)(int);
  int (*unlink)(const char*);
  int (*rename)(const char*, const char*);
  int (*mkdir)(const char*, mode_t);
  void* (*mmap)(void*, size_t, int, int, int, off_t);
};

const Real& real();

}  // namespace faulty_disk
