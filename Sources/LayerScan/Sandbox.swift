// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import CSandbox

/// What a worker gives up before it reads a layer. There is no way back.
package enum Sandbox {
    /// Bounds what the process may use, and leaves it the system calls by which it reads what is open, computes,
    /// answers and ends. From here on any other call kills it (SIGSYS): it opens no file, no socket, starts no program
    /// and no thread.
    package static func enter(_ limits: LayerWorkerLimits = LayerWorkerLimits()) throws(SandboxError) {
        try check("the address space", cairn_limit_address_space(limits.addressSpace))
        try check("the processor time", cairn_limit_processor_time(limits.processorSeconds))
        try check("descriptors", cairn_limit_descriptors(0))
        try check("file sizes", cairn_limit_file_size(0))
        try check("core dumps", cairn_limit_core_size(0))
        try check("privileges", cairn_renounce_privileges())
        try check("system calls", cairn_filter_system_calls())
    }

    private static func check(_ step: String, _ code: Int32) throws(SandboxError) {
        guard code == 0 else { throw SandboxError(step: step, errno: code) }
    }
}

/// What could not be given up.
package struct SandboxError: Error, Hashable, Sendable, CustomStringConvertible {
    package let step: String
    package let errno: Int32

    package var description: String { "\(step) cannot be bounded: errno \(errno)" }
}
