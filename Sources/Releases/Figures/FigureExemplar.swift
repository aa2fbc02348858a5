// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

package import OCI

/// One case of what a figure counts.
package struct FigureExemplar: Sendable, Hashable {
    package let repository: RepositoryName
    /// nil for a build that failed.
    package let digest: Digest?
    package let environment: PlaceName?
    package let service: PlaceName?
    package let deployment: PlaceName?
    /// The instance.
    package let target: PlaceName?
    package let time: Int64
    /// In the figure's unit, or seconds for drift; nil for what never came to its end, or has no size.
    package let value: Double?

    init(
        repository: RepositoryName,
        digest: Digest?,
        environment: PlaceName? = nil,
        service: PlaceName? = nil,
        deployment: PlaceName? = nil,
        target: PlaceName? = nil,
        time: Int64,
        value: Double? = nil
    ) {
        self.repository = repository
        self.digest = digest
        self.environment = environment
        self.service = service
        self.deployment = deployment
        self.target = target
        self.time = time
        self.value = value
    }

    init(_ key: InstanceKey, _ opening: Opening, value: Double? = nil) {
        self.init(
            repository: key.place.repository,
            digest: opening.digest,
            environment: key.place.environment,
            service: key.place.service,
            deployment: key.deployment,
            target: key.target,
            time: opening.time,
            value: value
        )
    }
}

/// How much a case deserves to be shown: the greater comes first.
struct ExemplarRank: Comparable {
    /// How bad it is; the same for all where only the latest are shown.
    var weight: Int64 = 0
    let time: Int64
    /// The place of the entry that it comes from in the record.
    var order = 0
    /// Decides between cases that are alike otherwise: the lesser comes first.
    var text = ""

    static func < (left: ExemplarRank, right: ExemplarRank) -> Bool {
        if left.weight != right.weight { return left.weight < right.weight }
        if left.time != right.time { return left.time < right.time }
        if left.order != right.order { return left.order < right.order }
        return left.text > right.text
    }
}

/// The few cases that deserve most to be shown.
struct FigureExemplars {
    private var ranked: [(rank: ExemplarRank, exemplar: FigureExemplar)] = []

    var elements: [FigureExemplar] { ranked.map(\.exemplar) }

    /// Takes a case in if it is among the first.
    mutating func offer(_ rank: ExemplarRank, _ exemplar: @autoclosure () -> FigureExemplar) {
        let isFull = ranked.count == ReleaseFiguresLimits.exemplarsLimit
        if isFull, let last = ranked.last, rank <= last.rank { return }
        if isFull { ranked.removeLast() }
        let position = ranked.firstIndex { $0.rank < rank } ?? ranked.endIndex
        ranked.insert((rank, exemplar()), at: position)
    }
}
