# Deliberately broken variants of the product, built only here: the checker must catch every one. A mutant is a source
# file in which a text, which must occur exactly once, is replaced; the copy is linked before the library that holds the
# original, so that the linker never takes the original from it. No unity build has mutants.
#
# sim_mutant(NAME SOURCE FILE FIND TEXT REPLACE TEXT [SCENARIO NAME])
add_custom_target(sim-mutants)
function(sim_mutant name)
  cmake_parse_arguments(PARSE_ARGV 1 MUTANT "" "SOURCE;FIND;REPLACE;SCENARIO" "")
  set(source ${PROJECT_SOURCE_DIR}/src/${MUTANT_SOURCE})
  if(NOT EXISTS ${source})
    set(source ${PROJECT_SOURCE_DIR}/tests/${MUTANT_SOURCE})
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(READ ${source} text)
  string(FIND "${text}" "${MUTANT_FIND}" first)
  string(FIND "${text}" "${MUTANT_FIND}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "mutant ${name}: its text must occur exactly once in ${MUTANT_SOURCE}")
  endif()
  string(REPLACE "${MUTANT_FIND}" "${MUTANT_REPLACE}" text "${text}")
  set(copy ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}.cc)
  file(WRITE ${copy}.new "${text}")
  file(COPY_FILE ${copy}.new ${copy} ONLY_IF_DIFFERENT)

  add_executable(sim-mutant-${name} ${copy})
  target_compile_options(sim-mutant-${name} PRIVATE -w -g0)
  target_link_options(sim-mutant-${name} PRIVATE -Wl,--strip-debug)
  target_link_libraries(sim-mutant-${name} PRIVATE hongbao_sim)
  set_target_properties(sim-mutant-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/mutants)
  if(NOT MUTANT_SCENARIO)
    set(MUTANT_SCENARIO everything)
  endif()
  add_dependencies(sim-mutants sim-mutant-${name})
  set_property(GLOBAL APPEND PROPERTY SIM_MUTANTS ${name}:${MUTANT_SCENARIO})
endfunction()

# --- what travels between processes -----------------------------------------------------------------------------------

sim_mutant(a_message_without_its_mac SOURCE core/voucher_batch.cc
  FIND "return equal_constant_time(mac, blake2b_keyed(key, as_bytes(body)));"
  REPLACE "return !mac.empty() && !key.empty();"
  SCENARIO bad_stream)
sim_mutant(an_epoch_that_comes_again_is_a_term SOURCE shard/shard_lease.cc
  FIND "Term::of(acquired.head.epoch, clock_.now())"
  REPLACE "Term::of(acquired.head.epoch, {})"
  SCENARIO restores)

# --- the engine, and how money is split -------------------------------------------------------------------------------

sim_mutant(refund_without_its_voucher SOURCE shard/engine.cc
  FIND "  write(voucher_to_sender(packet, VoucherKind::kRefunded, packet.unclaimed(), now));\n"
  REPLACE "")
sim_mutant(opens_after_expiry SOURCE core/open.cc
  FIND "packet.state == PacketState::kExpired || now >= packet.expires_at"
  REPLACE "packet.state == PacketState::kExpired")
sim_mutant(refund_leaves_the_packet_open SOURCE shard/engine.cc
  FIND "  packet.advance(PacketEvent::kExpired);\n"
  REPLACE "")
sim_mutant(refund_before_expiry SOURCE shard/engine.cc
  FIND "if (now < packet.expires_at())"
  REPLACE "if (now + std::chrono::hours(24) < packet.expires_at())"
  SCENARIO clocks)
sim_mutant(one_user_opens_twice SOURCE shard/engine.cc
  FIND "packet.shares().find_appended(user)"
  REPLACE "packet.shares().find_published(user)")
sim_mutant(late_payment_is_kept SOURCE shard/engine.cc
  FIND "const bool late = now > ordered.payable_until"
  REPLACE "const bool late = false && now > ordered.payable_until"
  SCENARIO notifications)
sim_mutant(classic_split_off_by_one SOURCE core/allocation.cc
  FIND "draw % static_cast<uint64_t>(upper.fen())"
  REPLACE "draw % (static_cast<uint64_t>(upper.fen()) + 1)")
sim_mutant(equal_split_off_by_one SOURCE core/allocation.cc
  FIND "seq <= extra"
  REPLACE "seq < extra")

# --- the shard's runner and the gate ----------------------------------------------------------------------------------

sim_mutant(answer_before_the_commit SOURCE shard/shard.cc
  FIND "    const CommitOutcome outcome = store_.commit(batch);\n"
  REPLACE "    answer_held();\n    const CommitOutcome outcome = store_.commit(batch);\n")
sim_mutant(unknown_taken_for_committed SOURCE shard/shard.cc
  FIND "if (outcome == CommitOutcome::kUnknown)"
  REPLACE "if (false)")
sim_mutant(unknown_taken_for_failed SOURCE shard/shard.cc
  FIND "  if (resolved->landed) {"
  REPLACE "  if (false) {")
sim_mutant(overdue_unknown_answered_as_failed SOURCE shard/shard.cc
  FIND "clock_.steady_now(), ErrorCode::kOutcomeUnknown"
  REPLACE "clock_.steady_now(), ErrorCode::kUnavailable"
  SCENARIO unknown_commits)
sim_mutant(numbers_repeat_after_a_restart SOURCE shard/packet_numbers.cc
  FIND "LocalNo::of(epoch_, counter)"
  REPLACE "LocalNo::of(0, counter - LocalNo::counter_at(now))")
sim_mutant(numbers_repeat_after_a_restore SOURCE shard/packet_numbers.cc
  FIND "std::max(least, LocalNo::counter_at(now))"
  REPLACE "least"
  SCENARIO restores)
sim_mutant(memory_kept_across_a_recovery SOURCE shard/engine.cc
  FIND "  table_.clear();\n  ring_.clear();\n"
  REPLACE "")
sim_mutant(gate_shows_what_is_not_committed SOURCE shard/gate.cc
  FIND "find_published(user)"
  REPLACE "find_appended(user)")

# --- leases and ownership ---------------------------------------------------------------------------------------------

sim_mutant(lease_from_after_the_answer SOURCE shard/shard.cc
  FIND "      own(*acquired);"
  REPLACE "      own({acquired->head, clock_.steady_now()});"
  SCENARIO sleepers)
sim_mutant(renewed_lease_from_after_the_answer SOURCE shard/shard_lease.cc
  FIND "    extend(now);\n"
  REPLACE "    extend(clock_.steady_now());\n"
  SCENARIO sleepers)
sim_mutant(committed_lease_from_after_the_answer SOURCE shard/shard.cc
  FIND "    lease_.extend(began);\n"
  REPLACE "    lease_.extend(clock_.steady_now());\n"
  SCENARIO sleepers)
sim_mutant(recovered_lease_from_after_the_answer SOURCE shard/shard.cc
  FIND "own(*resolved->acquired)"
  REPLACE "own({resolved->acquired->head, clock_.steady_now()})"
  SCENARIO sleepers)
sim_mutant(gate_open_past_the_lease SOURCE shard/shard_lease.cc
  FIND "until_.store(forever ? kForever : from"
  REPLACE "until_.store(true ? kForever : from"
  SCENARIO sleepers)
sim_mutant(lost_lease_is_kept SOURCE shard/shard_lease.cc
  FIND "  if (renewed && *renewed) {"
  REPLACE "  if (renewed) {"
  SCENARIO sleepers)
sim_mutant(lease_is_never_renewed SOURCE shard/shard_lease.cc
  FIND "from + options_.lease / kRenewalsPerLease"
  REPLACE "kForever"
  SCENARIO takeover)
sim_mutant(acquire_ignores_the_lease SOURCE support/memory_order_store.cc
  FIND "!may_take_it_over && clock_.now() < lease_until_"
  REPLACE "false"
  SCENARIO takeover)
sim_mutant(acquire_leaves_the_epoch SOURCE support/memory_order_store.cc
  FIND "  ++head_.epoch;\n"
  REPLACE "  head_.epoch = std::max(head_.epoch, 1U);\n"
  SCENARIO takeover)
sim_mutant(release_ends_anothers_lease SOURCE support/memory_order_store.cc
  FIND "  if (epoch == head_.epoch) {\n    lease_until_"
  REPLACE "  if (true) {\n    lease_until_"
  SCENARIO hand_over)
sim_mutant(stale_load_is_believed SOURCE shard/shard.cc
  FIND "if (loaded.request.epoch != lease_.epoch())"
  REPLACE "if (false)"
  SCENARIO sleepers)
sim_mutant(answers_after_the_release SOURCE shard/shard_lease.cc
  FIND "  until_.store(kNever);  // before anybody else may take it\n"
  REPLACE ""
  SCENARIO hand_over)
sim_mutant(landed_before_a_takeover_answered_as_failed SOURCE shard/shard_lease.cc
  FIND "if (!batch.vouchers.empty() && head->next_voucher"
  REPLACE "if (resolved.acquired && !batch.vouchers.empty() && head->next_voucher"
  SCENARIO sleepers)
sim_mutant(moved_head_taken_for_landed SOURCE shard/shard_lease.cc
  FIND "resolved.landed = *log == batch.vouchers"
  REPLACE "resolved.landed = !log->empty()"
  SCENARIO sleepers)
sim_mutant(memory_kept_across_an_absence SOURCE shard/shard.cc
  FIND "  engine_.start(acquired.head);\n"
  REPLACE "  if (acquired.head.epoch == 1) engine_.start(acquired.head);\n"
  SCENARIO hand_over)
sim_mutant(waiters_forgotten_when_the_shard_goes SOURCE shard/shard.cc
  FIND "  waiters_.refuse_all(ErrorCode::kFenced, kAwayDetail);\n"
  REPLACE ""
  SCENARIO hand_over)
sim_mutant(unwanted_shards_are_kept SOURCE shard/shard.cc
  FIND "  if (!lease_.wanted()) {\n    give_back();"
  REPLACE "  if (false) {\n    give_back();"
  SCENARIO hand_over)
sim_mutant(dead_nodes_keep_their_shards SOURCE routing/placement.cc
  FIND "    if (const auto chosen = choose_node(shard, names)) {\n"
  REPLACE "    if (const auto chosen = choose_node(shard, names); chosen && !view.owners.contains(shard)) {\n"
  SCENARIO takeover)
sim_mutant(replaced_process_goes_on SOURCE routing/placement.cc
  FIND "      leave();\n      return std::unexpected(members.error());\n"
  REPLACE "      continue;\n"
  SCENARIO sleepers)

# --- what the ledger decides ------------------------------------------------------------------------------------------

sim_mutant(double_credit SOURCE core/ledger_decision.cc
  FIND "  credit.credits += amount;\n"
  REPLACE "  credit.credits += amount * 2;\n")
sim_mutant(dropped_voucher_in_settlement SOURCE core/ledger_decision.cc
  FIND "    settle(voucher);\n"
  REPLACE "    if (voucher.seq != 2) settle(voucher);\n")
sim_mutant(ledger_cursor_apart_from_its_effects SOURCE core/ledger_decision.cc
  FIND "  decision_.cursors[settlement.shard] = cursor;\n"
  REPLACE "  static int settled = 0;\n  if (++settled % 8 != 0) decision_.cursors[settlement.shard] = cursor;\n")
sim_mutant(cursor_moves_though_the_piece_is_elsewhere SOURCE core/ledger_decision.cc
  FIND "  if (cursor != settlement.from) {\n"
  REPLACE "  if (cursor != settlement.from) {\n    decision_.cursors[settlement.shard] = settlement.from + settlement.vouchers.size();\n")
sim_mutant(piece_is_settled_wherever_the_cursor_is SOURCE core/ledger_decision.cc
  FIND "  if (cursor != settlement.from) {\n"
  REPLACE "  if (cursor < settlement.from) {\n")
sim_mutant(two_payments_for_one_packet SOURCE core/ledger_decision.cc
  FIND "      return *refused;\n"
  REPLACE "      return {PostOutcome::kPosted};\n")
sim_mutant(payment_is_not_kept SOURCE core/ledger_decision.cc
  FIND "      decision_.payments.push_back(&posting);\n"
  REPLACE "      if (batch_.postings.size() == 1) decision_.payments.push_back(&posting);\n")
sim_mutant(balance_is_not_carried_within_a_batch SOURCE core/ledger_decision.cc
  FIND "  debit.account.debits_posted += amount;\n"
  REPLACE "")
sim_mutant(deferral_is_lost SOURCE core/ledger_decision.cc
  FIND "  decision_.new_deferred.push_back("
  REPLACE "  static int refused = 0;\n  if (++refused % 4 != 0) decision_.new_deferred.push_back(")
sim_mutant(retry_is_posted_twice SOURCE core/ledger_decision.cc
  FIND "    decision_.no_longer_deferred.push_back(id);\n"
  REPLACE "    Transfer again = deferred.transfer;\n    again.id += \"again\";\n    if (judged.verdict == TransferVerdict::kPosted) move(again, judged);\n    decision_.no_longer_deferred.push_back(id);\n")
sim_mutant(posted_retry_stays_deferred SOURCE core/ledger_decision.cc
  FIND "    decision_.no_longer_deferred.push_back(id);\n"
  REPLACE "")

# --- stores: where the contract lies ----------------------------------------------------------------------------------

sim_mutant(missing_fence SOURCE support/memory_order_store.cc
  FIND "batch.epoch != head_.epoch || "
  REPLACE "")
sim_mutant(inbox_cursor_apart_from_its_effects SOURCE support/memory_inbox_store.cc
  FIND "    apply(voucher);\n"
  REPLACE "    static int applied = 0;\n    if (++applied % 16 != 0) apply(voucher);\n")

# --- followers and maintenance ----------------------------------------------------------------------------------------

sim_mutant(follower_believes_a_gap SOURCE service/log_follower.cc
  FIND "vouchers[count].no == cursor + count"
  REPLACE "vouchers[count].no >= cursor")
sim_mutant(follower_never_reads_the_log SOURCE service/log_follower.cc
  FIND "if (vouchers->empty() && (gap || from_log))"
  REPLACE "if (false)")
sim_mutant(settler_moves_on_after_an_error SOURCE service/settler.cc
  FIND "      std::ranges::for_each(round.owners, &LogFollower::lose_place);\n"
  REPLACE "      move_on(round, std::vector(round.owners.size(), SettleOutcome::kSettled));\n"
  SCENARIO unknown_commits)
sim_mutant(inbox_moves_on_after_an_error SOURCE service/inbox_feed.cc
  FIND "  follower.lose_place();\n"
  REPLACE "  follower.seek(follower.cursor() + batch.vouchers.size());\n")
sim_mutant(ledger_says_failed_when_unknown SOURCE service/ledger_committer.cc
  FIND "ErrorCode::kOutcomeUnknown, \"the ledger did not confirm"
  REPLACE "ErrorCode::kUnavailable, \"the ledger did not confirm"
  SCENARIO unknown_commits)
sim_mutant(ledger_answers_without_a_commit SOURCE service/ledger_committer.cc
  FIND "fail(ErrorCode::kOutcomeUnknown, \"the ledger did not confirm; ask again\")"
  REPLACE "Result<Posted>(Posted{})")
sim_mutant(pending_payments_are_left SOURCE service/reconciler.cc
  FIND "  if (order && order->key == payment.packet) {"
  REPLACE "  if (order && run.report.pending > 1) {")
sim_mutant(refused_transfers_are_left SOURCE service/reconciler.cc
  FIND "      run->retries.size(),\n"
  REPLACE "      0,\n")
sim_mutant(refunds_leave_the_last_shard SOURCE service/refunder.cc
  FIND "    if (!shards_.owns(shard)) {"
  REPLACE "    if (shard == stores_.rbegin()->first) {")

# --- several ledgers --------------------------------------------------------------------------------------------------

sim_mutant(due_is_posted_on_one_side SOURCE core/ledger.cc
  FIND "  if (!has_escrow && !has_wallet) {\n"
  REPLACE "  if (!has_escrow) {\n"
  SCENARIO ledgers)
sim_mutant(what_another_ledger_paid_never_arrives SOURCE core/ledger.cc
  FIND "    if (escrow == place.self && voucher.paid_in != place.self) {\n"
  REPLACE "    if (false && escrow == place.self) {\n"
  SCENARIO ledgers)
sim_mutant(shares_are_credited_where_the_escrow_is SOURCE core/ledger.cc
  FIND "credit_of(voucher, place.self, escrow, place.all.of(voucher.user, voucher.home))"
  REPLACE "credit_of(voucher, place.self, escrow, escrow)"
  SCENARIO ledgers)
sim_mutant(a_payment_ends_wherever_its_packet_was_paid SOURCE core/ledger.cc
  FIND ".ends_pending = voucher.paid_in == place.self"
  REPLACE ".ends_pending = true"
  SCENARIO ledgers)
sim_mutant(a_packet_stands_on_any_payment SOURCE shard/engine.cc
  FIND "packet->paid_in() != activation->paid_in;"
  REPLACE "false;"
  SCENARIO ledgers)
sim_mutant(what_was_given_back_stays_pending SOURCE core/ledger_decision.cc
  FIND "    if (!posting.gives_back.empty()) {\n      decision_.no_longer_pending.insert(*transfer.packet);\n"
  REPLACE "    if (!posting.gives_back.empty()) {\n"
  SCENARIO ledgers)
sim_mutant(what_a_channel_paid_twice_is_given_to_nobody SOURCE service/give_back.cc
  FIND "  if (payment.debit.is_user()) {\n"
  REPLACE "  if (true) {\n"
  SCENARIO ledgers)
sim_mutant(reconciliation_keeps_second_payments SOURCE service/reconciler.cc
  FIND "if (answer && answer->stands_on_another) {"
  REPLACE "if (false) {"
  SCENARIO ledgers)

# --- the use cases ----------------------------------------------------------------------------------------------------

sim_mutant(activates_without_the_money SOURCE service/ordering.cc
  FIND "done(not_posted(posted->outcome, \"the wallet\"));"
  REPLACE "activate(order, payment, deadline, std::move(done));")
sim_mutant(second_payment_is_swallowed SOURCE service/ordering.cc
  FIND "credit_sender(payment, made.transfer, deadline, std::move(done));"
  REPLACE "done(PaidPacket{payment.ordered.order.key, PaymentOutcome::kCreditedToWallet});")
sim_mutant(two_packets_of_one_key_are_paid SOURCE service/ordering.cc
  FIND "              .send_key = send_key_of(sender.user, idempotency_key)};\n"
  REPLACE "};\n"
  SCENARIO restores)
sim_mutant(activation_failure_hides_the_payment SOURCE service/ordering.cc
  FIND "ErrorCode::kOutcomeUnknown, \"it was paid but"
  REPLACE "ErrorCode::kUnavailable, \"it was paid but")
sim_mutant(expired_answered_as_opened SOURCE service/opening.cc
  FIND "told(std::move(answer->open))"
  REPLACE "answer->open.outcome == OpenOutcome::kExpired\n    ? OpenAnswer{OpenOutcome::kOpened, Share{.seq = 1, .amount = Money(1)}} : told(std::move(answer->open))")

# --- bringing calls to their owners -----------------------------------------------------------------------------------

sim_mutant(no_doubt_after_a_lost_answer SOURCE routing/forwarder.cc
  FIND "                 if (code != ErrorCode::kUnavailable) {\n                   trip->doubt();\n                 }\n"
  REPLACE ""
  SCENARIO bad_links)
sim_mutant(refusal_after_a_lost_answer_is_believed SOURCE routing/forwarder.cc
  FIND "    if (in_doubt_ && !brought.answer"
  REPLACE "    if (false && !brought.answer"
  SCENARIO bad_links)
sim_mutant(shard_that_left_leaves_no_doubt SOURCE routing/forwarder.cc
  FIND "    trip->doubt();\n    trip->set_unanswered(false);\n"
  REPLACE "    trip->set_unanswered(false);\n"
  SCENARIO bad_links)
sim_mutant(calls_are_not_tried_again SOURCE routing/forwarder.cc
  FIND "  if (at >= trip->call().deadline) {"
  REPLACE "  if (true) {"
  SCENARIO quiet)
sim_mutant(first_owner_is_asked_for_ever SOURCE routing/forwarder.cc
  FIND "  const Route route = route_(trip->shard());\n"
  REPLACE "  static std::map<std::pair<const Forwarder*, ShardId>, Route> first;\n  const Route route = first.emplace(std::pair(this, trip->shard()), route_(trip->shard())).first->second;\n"
  SCENARIO hand_over)
sim_mutant(carried_out_wherever_it_came_in SOURCE routing/forwarder.cc
  FIND "!is_another_nodes(route) || may_be_finished"
  REPLACE "true"
  SCENARIO quiet)
