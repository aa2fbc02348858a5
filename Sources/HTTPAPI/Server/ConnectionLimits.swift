// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import Metrics
import NIOCore
import Synchronization

/// Holds each address to a number of open connections.
///
/// The table has an entry for each address that has a connection open, so it is bounded by `HTTPLimits.connections`.
package final class ConnectionLimits: Sendable {
    package static let defaultPerAddress = 256

    private struct State {
        var perAddress: Int
        var open: [String: Int] = [:]
    }

    private let state: Mutex<State>
    private let refused = Counter(label: "cairn_http_connections_refused_total")

    package init(perAddress: Int = defaultPerAddress) {
        state = Mutex(State(perAddress: perAddress))
    }

    /// Sets the limit for connections to come; open ones stay.
    package func update(perAddress: Int) {
        state.withLock { $0.perAddress = perAddress }
    }

    /// Counts a connection until its channel closes. A connection whose address is not known, since its client has
    /// left already, is not counted.
    ///
    /// - Returns: Whether the address may have it; else the caller closes it.
    func admit(_ channel: any Channel) -> Bool {
        guard let address = Peer.address(of: channel).flatMap({ IPAddress($0) })?.clientNetwork else { return true }
        let admitted = state.withLock { state in
            let count = state.open[address, default: 0]
            guard count < state.perAddress else { return false }
            state.open[address] = count + 1
            return true
        }
        guard admitted else {
            refused.increment()
            return false
        }
        channel.closeFuture.whenComplete { _ in self.release(address) }
        return true
    }

    /// Addresses with a connection open.
    package var addresses: Int { state.withLock { $0.open.count } }

    private func release(_ address: String) {
        state.withLock { state in
            guard let count = state.open[address] else { return }
            state.open[address] = count > 1 ? count - 1 : nil
        }
    }
}
