// SPDX-License-Identifier: Apache-2.0
// Copyright the Cairn authors

import OCI

extension Transaction {
    /// A quarantine, a pin, a hold or a lock that an entry sets or lets go.
    func applyRegister(_ change: LoggedChange, in repository: Repository?, _ context: Catalog.Context) throws {
        guard let key = RegisterKey(change, in: repository?.id) else { return }
        try self.change(key, RegisterChange(change, stamp, actor: context.actor))
    }
}
