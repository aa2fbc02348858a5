// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI
import Registry

extension Reference {
    /// Whether an answered request for it is a pull: each GET, and HEAD of a tag, which is all that a node asks for
    /// that has the image already. HEAD of a digest asks whether something is there, before a push or a copy.
    func countsAsPull(isHead: Bool) -> Bool {
        guard isHead else { return true }
        return if case .tag = self { true } else { false }
    }
}

extension Responder {
    /// Notes the pull that an answer of the hot lane is, if it is one.
    func notePull(_ found: HotAnswers.Found, isHead: Bool) {
        let permission = found.permission
        guard !permission.isReplica, !isCanary(permission.repository),
            permission.reference.countsAsPull(isHead: isHead)
        else { return }
        registry.notePull(of: found.manifest, in: permission.repository)
    }
}
