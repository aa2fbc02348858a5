# SPDX-License-Identifier: Apache-2.0
# Copyright the Cairn authors
"""Transparency logs as the public specifications describe them: C2SP signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, tlog-cosignature and tlog-witness, over the Merkle tree of RFC 6962.

Nothing here shares code with the server, so that an agreement of both says something. Trees are computed plainly from
the definitions; proofs are made by the recursion of RFC 6962 and checked by the iteration of RFC 9162.
"""
