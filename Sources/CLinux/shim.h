/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Cairn authors */

/*
 * System calls of Linux that Swift's Glibc module does not show, because glibc declares them only under _GNU_SOURCE,
 * or keeps them in a header that the module leaves out. glibc exports the symbols in every case.
 */

#ifndef CAIRN_CLINUX_SHIM_H
#define CAIRN_CLINUX_SHIM_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>

extern int fallocate(int fd, int mode, off_t offset, off_t length);
extern int sync_file_range(int fd, int64_t offset, int64_t length, unsigned int flags);
extern int flock(int fd, int operation);
extern ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags);

/* Reserves blocks without changing the file's size (FALLOC_FL_KEEP_SIZE). */
static inline int cairn_reserve(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, 0x01, offset, length);
}

/* Allocates blocks and extends the file over them. */
static inline int cairn_allocate(int fd, int64_t offset, int64_t length) {
    return fallocate(fd, 0, offset, length);
}

/* Takes the exclusive lock of the file, or fails with EWOULDBLOCK. (In Swift the name `flock` is a structure's.) */
static inline int cairn_lock(int fd) {
    return flock(fd, 2 | 4);
}

/* Lets it go for all descriptors of the open file, those of other processes too. */
static inline int cairn_unlock(int fd) {
    return flock(fd, 8);
}

/* The flag of open() that reads past the page cache (O_DIRECT); its value depends on the processor. */
static inline int cairn_direct_flag(void) {
    return __O_DIRECT;
}

/* Starts writing dirty pages of the range and does not wait (SYNC_FILE_RANGE_WRITE). */
static inline int cairn_start_writeback(int fd, int64_t offset, int64_t length) {
    return sync_file_range(fd, offset, length, 2);
}

/* Reads one byte if its page is in the page cache (RWF_NOWAIT); otherwise -1 with EAGAIN. */
static inline ssize_t cairn_read_byte_if_cached(int fd, int64_t offset) {
    char byte;
    struct iovec part = {&byte, 1};
    return preadv2(fd, &part, 1, offset, 0x08);
}

/* The magic number of the file system that holds the path, or -1. */
static inline int64_t cairn_file_system_type(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 ? (int64_t)status.f_type : -1;
}

#endif
