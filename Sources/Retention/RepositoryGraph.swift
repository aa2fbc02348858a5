// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// Members by number, for numbers up from 0: who names an image, who holds a manifest.
struct Buckets {
    private let starts: [Int32]
    private let members: [Int32]

    /// - Parameters:
    ///   - count: How many buckets there are.
    ///   - pairs: Bucket and member; the members of a bucket keep their order.
    init(count: Int, _ pairs: [(bucket: Int, member: Int)]) {
        var starts = [Int32](repeating: 0, count: count + 1)
        for pair in pairs { starts[pair.bucket + 1] += 1 }
        for bucket in 0..<count { starts[bucket + 1] += starts[bucket] }
        var ends = starts
        var members = [Int32](repeating: 0, count: pairs.count)
        for pair in pairs {
            members[Int(ends[pair.bucket])] = Int32(pair.member)
            ends[pair.bucket] += 1
        }
        self.starts = starts
        self.members = members
    }

    subscript(bucket: Int) -> ArraySlice<Int32> { members[Int(starts[bucket])..<Int(starts[bucket + 1])] }
}

/// Who holds whom in a repository, by numbers: manifests in the order of digests, tags in that of names.
///
/// An image is what a tag names: a manifest, or beyond their numbers a digest that no manifest here has.
struct RepositoryGraph {
    let manifests: [ManifestFacts]
    let tags: [TagFacts]
    /// Of each tag.
    let image: [Int]
    let imagesCount: Int
    /// Of each tag the manifest here that it is attached to, as `sha256-<hex>.sig` is; nil for ordinary ones.
    let attachedTo: [Int?]
    /// Of each image its tags, and those of them that are ordinary.
    let allTags: Buckets
    let ordinaryTags: Buckets
    /// Of each manifest the tags that are attached to it.
    let attachedTags: Buckets
    /// Of each manifest the indexes here that list it, and what it describes where that is here.
    let indexes: Buckets
    let subjects: Buckets
    /// Of each manifest what it lists, and what describes it.
    let dependents: Buckets

    init(_ snapshot: RepositorySnapshot) {
        let manifests = snapshot.manifests.sorted { $0.digest < $1.digest }
        let tags = snapshot.tags.sorted { $0.tag < $1.tag }
        var numbers: [Digest: Int] = [:]
        numbers.reserveCapacity(manifests.count)
        for (number, manifest) in manifests.enumerated() where numbers[manifest.digest] == nil {
            numbers[manifest.digest] = number
        }
        var listing: [(bucket: Int, member: Int)] = []
        var describing: [(bucket: Int, member: Int)] = []
        for (owner, manifest) in manifests.enumerated() {
            for child in manifest.children {
                if let child = numbers[child], child != owner { listing.append((child, owner)) }
            }
            if let subject = manifest.subject.flatMap({ numbers[$0] }), subject != owner {
                describing.append((owner, subject))
            }
        }
        attachedTo = Self.attachments(tags, manifests, numbers)
        indexes = Buckets(count: manifests.count, listing)
        subjects = Buckets(count: manifests.count, describing)
        dependents = Buckets(count: manifests.count, (listing + describing).map { ($0.member, $0.bucket) })
        var image: [Int] = []
        var imagesCount = manifests.count
        for tag in tags {
            let number = numbers[tag.digest] ?? imagesCount
            if number == imagesCount {
                numbers[tag.digest] = number
                imagesCount += 1
            }
            image.append(number)
        }
        self.manifests = manifests
        self.tags = tags
        self.image = image
        self.imagesCount = imagesCount
        let attachedTo = attachedTo
        let named = tags.indices.map { (bucket: image[$0], member: $0) }
        allTags = Buckets(count: imagesCount, named)
        ordinaryTags = Buckets(count: imagesCount, named.filter { attachedTo[$0.member] == nil })
        attachedTags = Buckets(
            count: manifests.count,
            tags.indices.compactMap { tag in attachedTo[tag].map { (bucket: $0, member: tag) } }
        )
    }

    private static func attachments(
        _ tags: [TagFacts],
        _ manifests: [ManifestFacts],
        _ numbers: [Digest: Int]
    ) -> [Int?] {
        // The hash of SHA-512 is cut in such a tag: only the manifests that are here tell which one is meant.
        var cut: [Substring: Int] = [:]
        for (number, manifest) in manifests.enumerated() where manifest.digest.algorithm == .sha512 {
            cut[manifest.digest.referrersTag.description[...]] = number
        }
        return tags.map { facts in
            guard facts.tag.description.hasPrefix("sha"), facts.tag.namesAttachment,
                let base = facts.tag.description.split(separator: ".").first
            else {
                return nil
            }
            let whole = Digest("\(base.prefix(6)):\(base.dropFirst(7))")
            guard let number = whole.flatMap({ numbers[$0] }) ?? cut[base] else { return nil }
            return manifests[number].digest == facts.digest ? nil : number
        }
    }

    /// Whether nothing here holds a manifest and no tag names it: rules judge it by itself.
    func isUntaggedRoot(_ manifest: Int) -> Bool {
        allTags[manifest].isEmpty && indexes[manifest].isEmpty && subjects[manifest].isEmpty
    }

    /// Whether a manifest describes something that is not here.
    func isOrphaned(_ manifest: Int) -> Bool {
        manifest < manifests.count && manifests[manifest].subject != nil && subjects[manifest].isEmpty
            && manifests[manifest].subject != manifests[manifest].digest
    }

    /// Whether a tag is one of something that is not here.
    func isOrphanedTag(_ tag: Int) -> Bool {
        guard attachedTo[tag] == nil, tags[tag].tag.namesAttachment else { return false }
        let own = tags[tag].digest.referrersTag.description
        return tags[tag].tag.description.split(separator: ".").first ?? "" != own
    }
}
