// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// How much a line and the lines that wait may amount to. What is longer is cut and marked with an ellipsis.
package struct LogLimits: Sendable {
    /// Bytes of a line with its end. A member that would make it longer is left out, and `truncated` says so.
    package var lineBytes = 8192
    /// UTF-8 bytes of one value of the metadata, before escaping: much of what stands there comes from clients.
    package var valueBytes = 256
    /// UTF-8 bytes of the message, before escaping.
    package var messageBytes = 2048
    /// UTF-8 bytes of an error's description, before escaping.
    package var errorBytes = 1024
    /// Containers within containers in the metadata.
    package var depth = 8
    /// Bytes of lines that wait for the writer. As many again may be on their way out.
    package var queueBytes = 1 << 20

    package init() {}
}
