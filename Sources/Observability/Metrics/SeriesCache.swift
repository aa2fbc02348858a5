// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import Synchronization

/// Series by a small key of the program, such as route, method and status.
///
/// A lookup is one lock, held for an instant, and one hash. When the cache is full, further keys are made each time
/// and not kept: correct, but slower, so choose a capacity above what the program's keys can amount to.
package final class SeriesCache<Key: Hashable & Sendable, Series: Sendable>: Sendable {
    private let series = Mutex<[Key: Series]>([:])
    private let capacity: Int
    private let make: @Sendable (Key) -> Series

    package init(capacity: Int, make: @escaping @Sendable (Key) -> Series) {
        self.capacity = capacity
        self.make = make
    }

    package subscript(key: Key) -> Series {
        if let found = series.withLock({ $0[key] }) { return found }
        // Made outside the lock. Two threads may both make it; the registry gives both the same series.
        let made = make(key)
        series.withLock { series in
            if series.count < capacity { series[key] = made }
        }
        return made
    }
}
