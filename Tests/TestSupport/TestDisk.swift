// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Content
import Synchronization

/// A disk that is full when the test says so.
package final class TestDisk: Sendable {
    private let full = Mutex(false)

    package init() {}

    package var isFull: Bool {
        get { full.withLock { $0 } }
        set { full.withLock { $0 = newValue } }
    }

    /// Lets a store see this disk's space instead of the real one's.
    package func hold(_ options: inout TestStore.Options) {
        options.filesystem.space = { [self] _ in FilesystemSpace(total: 1 << 40, available: isFull ? 0 : 1 << 39) }
    }
}
