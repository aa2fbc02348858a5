// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

/// Media types, as text that goes into requests and is compared with answers.
enum MediaTypes {
    static let image = "application/vnd.oci.image.manifest.v1+json"
    static let index = "application/vnd.oci.image.index.v1+json"
    static let config = "application/vnd.oci.image.config.v1+json"
    static let layer = "application/vnd.oci.image.layer.v1.tar"
    static let gzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip"
    static let zstdLayer = "application/vnd.oci.image.layer.v1.tar+zstd"
    static let foreignLayer = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    static let empty = "application/vnd.oci.empty.v1+json"
    static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    static let dockerList = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let dockerConfig = "application/vnd.docker.container.image.v1+json"
    static let dockerLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    static let dockerForeignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    static let helmConfig = "application/vnd.cncf.helm.config.v1+json"
    static let helmChart = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    static let cosignSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
    static let notation = "application/vnd.cncf.notary.signature"
    static let octetStream = "application/octet-stream"

    /// What a client that knows all of them accepts.
    static let all = [image, index, dockerManifest, dockerList].joined(separator: ", ")
}
