// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

internal import OCI

/// Which images of an index are meant.
package enum PlatformChoice: Hashable, Sendable {
    /// The first that runs on this.
    case one(os: String, architecture: String, variant: String?)
    case all

    /// Linux on the processor that this program was compiled for.
    package static var host: PlatformChoice {
        #if arch(arm64)
            .one(os: "linux", architecture: "arm64", variant: nil)
        #else
            .one(os: "linux", architecture: "amd64", variant: nil)
        #endif
    }

    /// Reads `os/architecture[/variant]`.
    ///
    /// - Throws: `.usage`.
    package init(parsing text: some StringProtocol) throws(ClientError) {
        let parts = String(text).split(separator: "/" as Character, omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
            throw ClientError(.usage, "a platform is os/architecture[/variant]: \"\(ParsingError.quotable(text))\"")
        }
        self = .one(os: parts[0], architecture: parts[1], variant: parts.count == 3 ? parts[2] : nil)
    }

    /// The entries of an index that are meant.
    ///
    /// - Throws: `.notFound` where there is none.
    func entries(of index: Manifest) throws(ClientError) -> [Descriptor] {
        guard case .one(let os, let architecture, let variant) = self else { return index.manifests }
        let found = index.manifests.first { entry in
            guard let platform = entry.platform else { return false }
            return platform.os == os && platform.architecture == architecture
                && (variant == nil || platform.variant == variant)
        }
        if let found { return [found] }
        let offered = index.manifests.compactMap(\.platform).map { platform in
            "\(platform.os)/\(platform.architecture)" + (platform.variant.map { "/\($0)" } ?? "")
        }
        let list = ParsingError.quotable(offered.joined(separator: ", "))
        let wanted = "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "")
        throw ClientError(.notFound, "the index has no image for \(wanted); it has: \(list)")
    }
}
