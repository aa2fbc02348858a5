// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

/// What the entries of all regions come to, read from their leaves by the rules alone.
struct RegionOracle {
    private struct Entry {
        let kind: String
        let time: Int64
        let region: String
        let body: JSONValue?

        func digest(_ key: String) -> Digest? { body?[key]?.text.flatMap { Digest($0) } }
    }

    private var entries: [Entry] = []
    private let universe: [SampleManifest]

    init(_ regions: [MemoryRegion], _ universe: [SampleManifest]) throws {
        self.universe = universe
        for region in regions {
            for logged in region.log {
                let value = try JSONValue(parsing: logged.leaf)
                entries.append(
                    Entry(
                        kind: value["kind"]?.text ?? "",
                        time: value["hlc"]?.text.flatMap { Int64($0) } ?? 0,
                        region: region.name,
                        body: value["body"]
                    )
                )
            }
        }
    }

    /// Of a mutable tag: its latest write.
    func value(of tag: String) -> Digest? {
        entries.filter { $0.kind.hasPrefix("tag.") && $0.body?["tag"]?.text == tag }
            .max { ($0.time, $0.region) < ($1.time, $1.region) }?
            .digest("digest")
    }

    /// Of an immutable tag: the first value that nobody replaced knowingly, by right, or under a later home.
    func immutableValue(of tag: String) -> Digest? {
        let writes = entries.filter { $0.kind.hasPrefix("tag.") && $0.body?["tag"]?.text == tag }
            .sorted { ($0.time, $0.region) < ($1.time, $1.region) }
        var (value, epoch): (Digest?, Int64?) = (nil, nil)
        for (number, write) in writes.enumerated() {
            var own: Int64?
            if case .integer(let number)? = write.body?["home_epoch"] { own = number }
            let knew = number == 0 || write.digest("former") == value
            let mayReplace = write.body?["exempted"] == .bool(true) || own ?? -1 > epoch ?? -1
            if value != nil, !knew, epoch != nil, !mayReplace { continue }
            (value, epoch) = (write.digest("digest"), write.digest("digest") == nil ? nil : own)
        }
        return value
    }

    /// Where the home is, and its epoch: by the highest epoch, and of that the first.
    var home: String {
        var best: (epoch: Int64, time: Int64, region: String, home: String)?
        for entry in entries where entry.kind == "repo.create" || entry.kind == "repo.home" {
            var epoch: Int64 = 0
            if case .integer(let number)? = entry.body?["epoch"] { epoch = number }
            let place = entry.body?["home"]?.text ?? "\(entry.region).example"
            let isBetter = best.map { (-epoch, entry.time, entry.region) < (-$0.epoch, $0.time, $0.region) } ?? true
            if isBetter { best = (epoch, entry.time, entry.region, place) }
        }
        return best.map { "\($0.home) \($0.epoch)" } ?? ""
    }

    /// What is to run where: the latest that was said of each service.
    var desired: Set<String> {
        var latest: [String: Entry] = [:]
        for entry in entries {
            let phase = entry.body?["phase"]?.text
            let orders = phase == "started" || phase == "rollback-ordered"
            guard entry.kind == "image.promote" || (entry.kind == "deploy.step" && orders) else { continue }
            guard entry.body?["target"]?.text == nil, let place = entry.body?["environment"]?.text else { continue }
            let key = "\(place) \(entry.body?["service"]?.text ?? "")"
            if let known = latest[key], (known.time, known.region) > (entry.time, entry.region) { continue }
            latest[key] = entry
        }
        return Set(
            latest.map { key, entry in
                let digest = entry.digest("digest")?.storageBytes.map { byte in
                    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
                }
                return "\(key) \(digest?.joined() ?? "-") \(entry.time)"
            }
        )
    }

    func written(to tag: String) -> Set<Digest> {
        Set(entries.filter { $0.kind == "tag.set" && $0.body?["tag"]?.text == tag }.compactMap { $0.digest("digest") })
    }

    /// The manifests that are live while the tags have these values.
    func live(tagged: Set<Digest>) -> Set<Digest> {
        var live: Set<Digest> = []
        // The indexes come after what they hold.
        for sample in universe.reversed() {
            let digest = sample.digest
            let holders = universe.filter { $0.manifest.manifests.contains { $0.digest == digest } }.map(\.digest)
            let touches = entries.filter { entry in
                switch entry.kind {
                case "manifest.put", "manifest.restore", "tag.set": entry.digest("digest") == digest
                default: false
                }
            }.map(\.time)
            guard let touched = touches.max() else { continue }
            let trashed = entries.filter { $0.kind == "manifest.trash" && $0.digest("digest") == digest }
                .map(\.time).max()
            if touched >= trashed ?? 0 || tagged.contains(digest) || holders.contains(where: live.contains) {
                live.insert(digest)
            }
        }
        return live
    }
}
