/*
 * The virtual clock of `make simulate`, loaded before libc (LD_PRELOAD). The clocks stand still while the program
 * computes. When its only event loop waits for a timer and nothing else can happen, the clocks go on to that timer at
 * once, and the loop returns. So timers, timeouts and budgets of the program and its libraries follow the virtual clock,
 * and no line of them is changed.
 *
 * "Nothing else can happen" is:
 *   - no descriptor is ready. Both ends of every connection are in this process, and loopback delivers a packet before
 *     `send` returns, except if the kernel defers it: therefore a real pause before a long step.
 *   - all other threads sleep, and none has woken the loop meanwhile. A blocking task that computes is running, not asleep.
 * Nagle's algorithm would hold packets for real milliseconds, so it is turned off for every connection.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
/* Real milliseconds for which the loop waits before a step of at least this length. */
#define LONG_STEP_MS 250
#define PAUSE_MS 2

/* Nanoseconds by which the loop has moved the clocks. */
static _Atomic int64_t moved;
static struct timespec start_realtime, start_monotonic;
static atomic_int started;

static int real_clock(clockid_t id, struct timespec *at) { return (int)syscall(SYS_clock_gettime, id, at); }

__attribute__((constructor)) static void start(void) {
    real_clock(CLOCK_REALTIME, &start_realtime);
    real_clock(CLOCK_MONOTONIC, &start_monotonic);
    atomic_store(&started, 1);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    const struct timespec *from;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        from = &start_realtime;
        break;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        from = &start_monotonic;
        break;
    default:
        return real_clock(id, at);
    }
    if (!atomic_load(&started)) {
        return real_clock(id, at);
    }
    int64_t ns = from->tv_nsec + atomic_load(&moved);
    at->tv_sec = from->tv_sec + ns / NS_PER_S;
    at->tv_nsec = ns % NS_PER_S;
    return 0;
}

/* Whether every other thread of the process sleeps. */
static int others_sleep(void) {
    static DIR *tasks;
    if (tasks == NULL && (tasks = opendir("/proc/self/task")) == NULL) {
        return 0;
    }
    const pid_t own = (pid_t)syscall(SYS_gettid);
    rewinddir(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.' || atoi(task->d_name) == own) {
            continue;
        }
        char path[64], text[256];
        snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task->d_name);
        const int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0) {
            continue; /* It has ended. */
        }
        const ssize_t length = read(file, text, sizeof text - 1);
        close(file);
        if (length <= 0) {
            continue;
        }
        text[length] = 0;
        /* The state is after the name, which is in parentheses and may contain some. */
        const char *name_end = strrchr(text, ')');
        if (name_end == NULL || name_end[1] != ' ' || (name_end[2] != 'S' && name_end[2] != 'Z' && name_end[2] != 'X')) {
            return 0;
        }
    }
    return 1;
}

static int real_wait(int loop, struct epoll_event *events, int most, int ms) {
    return (int)syscall(SYS_epoll_pwait, loop, events, most, ms, NULL, 0);
}

int epoll_wait(int loop, struct epoll_event *events, int most, int timeout) {
    for (;;) {
        int ready = real_wait(loop, events, most, 0);
        if (ready != 0 || timeout == 0) {
            return ready;
        }
        if (!others_sleep()) {
            /* Until the thread wakes the loop, or has had a moment. */
            ready = real_wait(loop, events, most, 1);
            if (ready != 0) {
                return ready;
            }
            continue;
        }
        /* What a thread did between the first look and its sleep has arrived now. */
        ready = real_wait(loop, events, most, timeout < 0 || timeout >= LONG_STEP_MS ? PAUSE_MS : 0);
        if (ready != 0) {
            return ready;
        }
        if (timeout < 0) {
            continue; /* No timer: only an event can go on. */
        }
        atomic_fetch_add(&moved, timeout * NS_PER_MS);
        return 0;
    }
}

static void send_at_once(int connection) {
    const int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
    const int connection = (int)syscall(SYS_accept4, listener, address, length, flags);
    if (connection >= 0) {
        send_at_once(connection);
    }
    return connection;
}

int connect(int connection, const struct sockaddr *address, socklen_t length) {
    send_at_once(connection);
    return (int)syscall(SYS_connect, connection, address, length);
}
