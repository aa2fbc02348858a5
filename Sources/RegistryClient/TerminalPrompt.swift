// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Glibc

/// Asks a person for a secret.
package enum TerminalPrompt {
    /// Shows a prompt on the terminal of the process and reads a line without echo. Blocks until the line is there.
    ///
    /// - Returns: The line without its end; nil where the process has no terminal, or the line is over
    ///   `ClientLimits.keyBytes`.
    package static func secret(_ prompt: String) -> [UInt8]? {
        let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var settings = termios()
        guard unsafe tcgetattr(terminal, &settings) == 0 else { return nil }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard unsafe tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else { return nil }
        defer { _ = unsafe tcsetattr(terminal, TCSAFLUSH, &settings) }
        show(prompt, on: terminal)
        defer { show("\n", on: terminal) }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count <= ClientLimits.keyBytes {
            // Safety: the kernel writes at most the one byte, which lives through the call.
            let count = unsafe read(terminal, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return line.isEmpty ? nil : line }
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
        }
        return nil
    }

    private static func show(_ text: String, on terminal: Int32) {
        let bytes = Array(text.utf8)
        // Safety: the kernel reads at most the array, which lives through the call.
        _ = unsafe write(terminal, bytes, bytes.count)
    }
}
