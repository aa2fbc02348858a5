// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation

/// A directory on disk that goes with the test.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/cairn-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The names in a folder of it, in order.
    package func files(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).sorted()
    }

    /// Writes a file, also over one that is read-only.
    package func write(_ bytes: [UInt8], to file: String) throws {
        let target = path + "/" + file
        try? FileManager.default.removeItem(atPath: target)
        try Data(bytes).write(to: URL(fileURLWithPath: target))
    }

    package func read(_ file: String) throws -> [UInt8] {
        try Array(Data(contentsOf: URL(fileURLWithPath: path + "/" + file)))
    }

    package func remove(_ file: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + file)
    }
}
