/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Cairn authors */

/*
 * What a process gives up before it reads bytes that nobody vouches for, and the handle by which its parent waits for
 * it. All of it is made of macros and of functions with variable arguments, which Swift does not see.
 */

#ifndef CAIRN_CSANDBOX_SHIM_H
#define CAIRN_CSANDBOX_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define CAIRN_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CAIRN_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "the sandbox knows x86_64 and aarch64"
#endif

/* Low half of a system call's argument; both machines are little-endian. */
#define CAIRN_ARGUMENT(n) ((uint32_t)offsetof(struct seccomp_data, args) + 8 * (n))
#define CAIRN_ALLOW(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
/* Allows the call unless its third argument has PROT_EXEC (4): no memory becomes code. */
#define CAIRN_ALLOW_WITHOUT_EXEC(name) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##name, 0, 4), \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, CAIRN_ARGUMENT(2)), \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Sets soft and hard limit of a resource. Returns 0 or an errno. */
static inline int cairn_limit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {soft, hard};
    return setrlimit(resource, &limit) == 0 ? 0 : errno;
}

static inline int cairn_limit_address_space(uint64_t bytes) { return cairn_limit(RLIMIT_AS, bytes, bytes); }
/* SIGXCPU comes at the limit, SIGKILL a second later. */
static inline int cairn_limit_processor_time(uint64_t seconds) { return cairn_limit(RLIMIT_CPU, seconds, seconds + 1); }
static inline int cairn_limit_descriptors(uint64_t count) { return cairn_limit(RLIMIT_NOFILE, count, count); }
static inline int cairn_limit_file_size(uint64_t bytes) { return cairn_limit(RLIMIT_FSIZE, bytes, bytes); }
static inline int cairn_limit_core_size(uint64_t bytes) { return cairn_limit(RLIMIT_CORE, bytes, bytes); }

/* No new privileges by exec, no core dump, no other process that looks in. Returns 0 or an errno. */
static inline int cairn_renounce_privileges(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : errno;
}

/* Closes every descriptor from the first one on. Returns 0 or an errno. */
static inline int cairn_close_from(unsigned int first) {
    return syscall(SYS_close_range, first, ~0U, 0) == 0 ? 0 : errno;
}

/*
 * Leaves to every thread of the process the calls by which it reads what is open, computes, answers and ends. Any
 * other call, or one by another ABI, kills the process (SIGSYS). Returns 0 or an errno.
 */
static inline int cairn_filter_system_calls(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CAIRN_AUDIT_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        /* Calls of the x32 ABI have bit 30 and match none of the numbers below. */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        CAIRN_ALLOW(read), CAIRN_ALLOW(write), CAIRN_ALLOW(close), CAIRN_ALLOW(fstat), CAIRN_ALLOW(lseek),
        CAIRN_ALLOW(munmap), CAIRN_ALLOW(mremap), CAIRN_ALLOW(brk), CAIRN_ALLOW(madvise),
        CAIRN_ALLOW(futex), CAIRN_ALLOW(sched_yield), CAIRN_ALLOW(rseq), CAIRN_ALLOW(set_robust_list),
        CAIRN_ALLOW(rt_sigreturn), CAIRN_ALLOW(rt_sigprocmask), CAIRN_ALLOW(sigaltstack), CAIRN_ALLOW(restart_syscall),
        CAIRN_ALLOW(clock_gettime), CAIRN_ALLOW(getrandom), CAIRN_ALLOW(getpid), CAIRN_ALLOW(gettid),
        CAIRN_ALLOW(exit), CAIRN_ALLOW(exit_group),
        /* A signal to the process itself, by which abort() ends it. */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_tgkill, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, CAIRN_ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        CAIRN_ALLOW_WITHOUT_EXEC(mmap),
        CAIRN_ALLOW_WITHOUT_EXEC(mprotect),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (result > 0) return EBUSY;
    return result == 0 ? 0 : errno;
}

/* A pipe whose ends are closed on exec. Returns 0 or an errno. */
static inline int cairn_pipe(int ends[2]) { return syscall(SYS_pipe2, ends, O_CLOEXEC) == 0 ? 0 : errno; }

/* A descriptor that becomes readable when the child has ended (close-on-exec), or -1. */
static inline int cairn_process_descriptor(int process) { return (int)syscall(SYS_pidfd_open, process, 0); }

#endif
