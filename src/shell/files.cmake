# SPDX-License-Identifier: Apache-2.0
# The server; also in the wasm module.
list(APPEND WEIR_SERVER_FILES
  src/shell/log.c
  src/shell/log_head.c
  src/shell/journal.c
  src/shell/journal_cache.c
  src/shell/journal_read.c
  src/shell/ring.c
  src/shell/sync_thread.c
  src/shell/journal_thread.c
  src/shell/journal_turn.c
  src/shell/metrics.c
  src/shell/redis.c
  src/shell/shared.c
  src/shell/split.c
  src/shell/answer.c
  src/shell/conn.c
  src/shell/shed.c
  src/shell/admit.c
  src/shell/decide.c
  src/shell/keep.c
  src/shell/gather.c
  src/shell/id_index.c
  src/shell/id_store.c
  src/shell/id_finder.c
  src/shell/late_ids.c
  src/shell/lists.c
  src/shell/batch.c
  src/shell/buffers.c
  src/shell/challenge.c
  src/shell/packs.c
  src/shell/reserve.c
  src/shell/snapshot_file.c
  src/shell/snapshots.c
  src/shell/reload.c
  src/shell/go_json.c
  src/shell/opa.c
  src/shell/opa_body.c
  src/shell/opa_data.c
  src/shell/opa_explain.c
  src/shell/opa_policy.c
  src/shell/opa_query.c
  src/shell/opa_reply.c
  src/shell/opa_status.c
  src/shell/opa_store.c
  src/shell/opa_write.c
  src/shell/access.c
  src/shell/beginning.c
  src/shell/route.c
  src/shell/loop.c
  src/shell/server.c
)
# What stands on OpenSSL.
list(APPEND WEIR_CRYPTO_FILES
  src/shell/der.c
  src/shell/pem.c
  src/shell/go_value.c
  src/shell/key.c
  src/shell/key_open.c
  src/shell/certificate.c
  src/shell/certificate_chain.c
  src/shell/certificate_extension.c
  src/shell/certificate_uri.c
  src/shell/crypto.c
  src/shell/tls.c
)
list(APPEND WEIR_SHELL_FILES ${WEIR_SERVER_FILES} ${WEIR_CRYPTO_FILES})
