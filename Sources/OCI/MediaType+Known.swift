// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

extension MediaType {
    /// Manifests that this registry takes.
    public static let imageManifest = MediaType(known: "application/vnd.oci.image.manifest.v1+json")
    public static let imageIndex = MediaType(known: "application/vnd.oci.image.index.v1+json")
    public static let dockerManifest = MediaType(known: "application/vnd.docker.distribution.manifest.v2+json")
    public static let dockerManifestList = MediaType(
        known: "application/vnd.docker.distribution.manifest.list.v2+json"
    )
    /// Of the image specification's release candidates; later replaced by image manifests with an artifact type.
    public static let artifactManifest = MediaType(known: "application/vnd.oci.artifact.manifest.v1+json")

    /// Docker's schema 1, known only to be refused with a clear reason.
    public static let dockerSchema1 = MediaType(known: "application/vnd.docker.distribution.manifest.v1+json")
    public static let dockerSchema1Signed = MediaType(
        known: "application/vnd.docker.distribution.manifest.v1+prettyjws"
    )

    /// The two bytes `{}` where a descriptor is required and nothing is to be said.
    public static let emptyJSON = MediaType(known: "application/vnd.oci.empty.v1+json")
    public static let imageConfig = MediaType(known: "application/vnd.oci.image.config.v1+json")
    public static let dockerConfig = MediaType(known: "application/vnd.docker.container.image.v1+json")
    public static let imageLayer = MediaType(known: "application/vnd.oci.image.layer.v1.tar")
    public static let imageLayerGzip = MediaType(known: "application/vnd.oci.image.layer.v1.tar+gzip")
    public static let imageLayerZstd = MediaType(known: "application/vnd.oci.image.layer.v1.tar+zstd")
    public static let dockerLayerGzip = MediaType(known: "application/vnd.docker.image.rootfs.diff.tar.gzip")
    public static let json = MediaType(known: "application/json")
    /// A bundle of sigstore, version 0.3: a signature or an attestation that refers to its subject.
    public static let sigstoreBundle = MediaType(known: "application/vnd.dev.sigstore.bundle.v0.3+json")
    /// What cosign signs about an image under a tag of its own.
    public static let simpleSigning = MediaType(known: "application/vnd.dev.cosign.simplesigning.v1+json")
    public static let dsseEnvelope = MediaType(known: "application/vnd.dsse.envelope.v1+json")
    public static let spdx = MediaType(known: "application/spdx+json")
    public static let cyclonedx = MediaType(known: "application/vnd.cyclonedx+json")
    public static let sarif = MediaType(known: "application/sarif+json")
    /// The registry's own report of a scan of an image's layers.
    public static let secretsReport = MediaType(known: "application/vnd.cairn.secrets.v1+json")
    /// What blobs are served as.
    public static let octetStream = MediaType(known: "application/octet-stream")

    /// Whether a descriptor of this type names bytes that the registry may lack: OCI's non-distributable layers and
    /// Docker's foreign layers.
    public var isNonDistributable: Bool {
        switch description {
        case "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
            true
        default: false
        }
    }

    /// Whether this registry takes manifests of the type.
    public var isManifest: Bool {
        self == .imageManifest || self == .imageIndex || self == .dockerManifest || self == .dockerManifestList
            || self == .artifactManifest
    }
}
