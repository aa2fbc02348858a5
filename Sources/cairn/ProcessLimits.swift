// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import Logging

/// Limits that the kernel puts on the process.
enum ProcessLimits {
    /// How many files a process that is started here could open: the hard limit, to which the server raises its own.
    static var openFiles: UInt64 {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return 0 }
        return UInt64(limit.rlim_max)
    }

    /// Raises the number of open files to the hard limit: each connection, session and blob being read holds one.
    static func raiseOpenFiles(logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) != 0 {
            logger.warning("the limit of open files could not be raised")
        }
    }
}
