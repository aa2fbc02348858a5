// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Catalog
import Content
import Foundation
import Logging
import OCI
import Registry
import Synchronization

/// The content store and the catalog of one directory, opened together.
struct Store: Sendable {
    let content: ContentStore
    let catalog: Catalog
    let registry: Registry

    /// Exit code of a process that stops because the disk failed it: what is on disk is the truth then, and the next
    /// start recovers from it.
    private static let diskFailure: Int32 = 70

    static func open(root: String, unsafeFilesystem: Bool, blobLimit: Int64) async throws -> Store {
        let link = Link()
        var options = ContentStore.Options()
        options.limits.blobBytes = blobLimit
        options.unsafeFilesystem = unsafeFilesystem
        options.serviceTime = { link.registry?.catalog.serviceTime.seconds ?? 0 }
        options.durableProgress = { id, offset in
            guard let registry = link.registry else { return }
            Task { await registry.recordProgress(id, durableOffset: offset) }
        }
        options.fatal = { reason in stop(reason) }
        options.logger = Logger(label: "content")
        let content = try await ContentStore.open(root: root, options: options)
        let environment = Catalog.Environment(
            wallMilliseconds: { Int64(Date().timeIntervalSince1970 * 1000) },
            monotonicNanoseconds: { DispatchTime.now().uptimeNanoseconds },
            randomBytes: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            },
            fatal: { error in stop("catalog: \(error.reason)") },
            logger: Logger(label: "catalog"),
            storageFault: {
                do throws(ContentError) {
                    try content.confirmStorage()
                    return nil
                } catch {
                    return error.reason
                }
            }
        )
        let catalog = try Catalog.open(path: content.layout.database, environment: environment)
        let registry = Registry(
            content: content,
            catalog: catalog,
            blobLimit: blobLimit,
            logger: Logger(label: "registry")
        )
        link.set(registry)
        return Store(content: content, catalog: catalog, registry: registry)
    }

    /// Makes open uploads resumable, then closes.
    func drainAndClose() async {
        await registry.drain()
        await close()
    }

    func close() async {
        await catalog.close()
        await content.shutdown()
    }

    private static func stop(_ reason: String) -> Never {
        Logger(label: "cairn").critical("stopping: the disk failed", metadata: ["reason": "\(reason)"])
        Console.error("cairn: stopping: \(reason)")
        Console.flush()
        _exit(diskFailure)
    }

    /// Lets the content store reach the registry, which is made after it.
    private final class Link: Sendable {
        private let held = Mutex<Registry?>(nil)
        var registry: Registry? { held.withLock { $0 } }
        func set(_ registry: Registry) { held.withLock { $0 = registry } }
    }
}
