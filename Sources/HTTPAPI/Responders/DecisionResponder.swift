// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import Access
import HTTPTypes
import HummingbirdCore
import NIOCore
import OCI
import Registry

/// `POST /api/v1/decide`: whether images may run, for policy engines.
///
/// The body is `{"image":"NAME:TAG"}` or an `AdmissionReview` of Kubernetes (admission.k8s.io/v1), of which every image
/// of every container is judged. An answer to a review is a review. What is not judged is not allowed: images of other
/// registries, and those that the caller may not pull.
extension Responder {
    func decide(_ exchange: Exchange, body: inout IncomingBody) async throws -> Answer {
        try exchange.require([.post])
        let bytes = try await body.collect(limit: HTTPLimits.decisionBody)
        guard let document = try? JSONValue(parsing: Array(bytes.readableBytesView), nodesLimit: 200_000) else {
            throw RequestError.badQuery("the body is {\"image\":\"NAME:TAG\"} or an AdmissionReview, in JSON")
        }
        var json = JSONWriter()
        if document["kind"]?.text == "AdmissionReview" {
            guard let uid = document["request"]?["uid"]?.text else {
                throw RequestError.badQuery("the AdmissionReview has no request.uid")
            }
            let images = Self.images(in: document["request"]?["object"])
            var reasons: [String] = []
            for image in images {
                for reason in try await refusals(of: image, exchange) { reasons.append("\(image): \(reason)") }
            }
            if images.count > HTTPLimits.decisionImages { reasons.append("it names too many images") }
            Self.write(review: document, uid: uid, reasons, to: &json)
        } else {
            guard let image = document["image"]?.text else {
                throw RequestError.badQuery("the body has no \"image\"")
            }
            let reasons = try await refusals(of: image, exchange)
            json.object { json in
                json.key("allowed")
                json.bool(reasons.isEmpty)
                json.members([("image", image)])
                json.list("reasons", reasons)
            }
        }
        return Answer(
            .ok,
            headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .bytes(ByteBuffer(bytes: json.bytes))
        )
    }

    private static func write(review: JSONValue, uid: String, _ reasons: [String], to json: inout JSONWriter) {
        json.object { json in
            json.members([
                ("apiVersion", review["apiVersion"]?.text ?? "admission.k8s.io/v1"), ("kind", "AdmissionReview"),
            ])
            json.key("response")
            json.object { json in
                json.members([("uid", uid)])
                json.key("allowed")
                json.bool(reasons.isEmpty)
                guard !reasons.isEmpty else { return }
                json.key("status")
                json.object { json in
                    json.key("code")
                    json.integer(403)
                    json.members([("message", reasons.joined(separator: "\n"))])
                }
            }
        }
    }

    /// The images of every container in a pod, or in what makes pods, each once.
    private static func images(in object: JSONValue?) -> [String] {
        var images: [String] = []
        var waiting = [object].compactMap { $0 }
        while let value = waiting.popLast() {
            switch value {
            case .array(let elements): waiting += elements
            case .object(let members):
                for member in members {
                    guard containerLists.contains(member.key), case .array(let containers) = member.value else {
                        waiting.append(member.value)
                        continue
                    }
                    images += containers.compactMap { $0["image"]?.text }
                }
            default: continue
            }
        }
        return Array(Set(images)).sorted()
    }

    private static let containerLists: Set<String> = ["containers", "initContainers", "ephemeralContainers"]

    /// Why an image may not run; empty where it may.
    private func refusals(of image: String, _ exchange: Exchange) async throws -> [String] {
        guard let (name, reference) = Self.parse(image, host: exchange.request.head.authority)
        else { return ["it is not an image of this registry"] }
        if let identity = exchange.identity, !identity.allows(.pull, name) {
            return ["you may not pull from \(name)"]
        }
        do {
            let manifest = try await registry.manifest(reference, in: name)
            _ = try await registry.admit(manifest.digest, as: reference, in: name, caller: exchange.caller)
            return []
        } catch RegistryError.untrusted(_, let failures) {
            return failures.map { "\($0.requirement): \($0.reason)" }
        } catch RegistryError.quarantined(_, let cause, let reason) {
            return ["\(cause) is in quarantine: \(reason)"]
        } catch RegistryError.manifestUnknown, RegistryError.nameUnknown {
            return ["it is not in this registry"]
        }
    }

    /// Reads `[HOST/]NAME[:TAG][@DIGEST]`; nil for anything else and for another host.
    private static func parse(_ image: String, host: String?) -> (RepositoryName, Reference)? {
        var rest = Substring(image)
        if let slash = rest.firstIndex(of: "/") {
            let first = rest[..<slash]
            if first.contains(".") || first.contains(":") || first == "localhost" {
                guard let host, first == host else { return nil }
                rest = rest[rest.index(after: slash)...]
            }
        }
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            guard let parsed = Digest(String(rest[rest.index(after: at)...])) else { return nil }
            digest = parsed
            rest = rest[..<at]
        }
        var tag = "latest"
        if let colon = rest.lastIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        guard let name = RepositoryName(String(rest)) else { return nil }
        if let digest { return (name, .digest(digest)) }
        return Tag(tag).map { (name, .tag($0)) }
    }
}
