// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import HummingbirdCore
import Logging
import NIOCore

/// The framework's loop over the requests of an exchange, with a responder that knows the connection it answers on.
struct RequestLoop: HTTPChannelHandler {
    typealias Value = Exchange

    let responder: HTTPChannelHandler.Responder

    /// For a channel whose pipeline turns bytes into messages already.
    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Exchange> {
        channel.eventLoop.makeCompletedFuture { try Exchange(wrappingChannelSynchronously: channel) }
    }

    func handle(value: Exchange, logger: Logger) async {
        await handleHTTP(asyncChannel: value, logger: logger)
    }
}
