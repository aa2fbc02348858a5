// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Foundation
import LayerScan
import Testing

/// Files that every system has. They hold no secrets but those of manuals and of other people's tests.
@Suite struct OrdinaryFilesTests {
    private static let bytesLimit = 4 << 20

    /// Some files of each folder, until there are enough bytes.
    private static func files() -> [(path: String, bytes: [UInt8])] {
        var files: [(path: String, bytes: [UInt8])] = []
        for root in ["/usr/share", "/usr/lib/python3", "/etc"] {
            var left = bytesLimit / 3
            var count = 0
            guard let paths = FileManager.default.enumerator(atPath: root) else { continue }
            while left > 0, let path = paths.nextObject() as? String {
                count += 1
                guard count.isMultiple(of: 17), let data = FileManager.default.contents(atPath: root + "/" + path),
                    data.count <= 64 << 10
                else { continue }
                left -= data.count
                files.append((root + "/" + path, Array(data)))
            }
        }
        return files
    }

    @Test func hardlyAnythingIsFound() {
        var scanner = SecretScanner()
        for file in Self.files() {
            scanner.beginFile(path: Array(file.path.utf8))
            scanner.append(file.bytes[...])
            scanner.endFile()
        }
        #expect(scanner.findings.count <= 2, "\(scanner.findings)")
    }
}
