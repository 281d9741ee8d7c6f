//! What every store must do, run against the embedded store over each of its backends; and what
//! only one backend or a failing one shows. Must never look into the store but through its traits.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod batches;
mod bed;
mod changes;
mod chats;
mod contacts;
mod crash;
mod devices;
mod expiring;
mod failure;
mod faulty;
mod files;
mod fjall;
mod groups;
mod joining;
mod keys;
mod log_outs;
mod messages;
mod model;
mod own;
mod profiles;
mod receipts;
mod rights;
mod rooms;
mod scheduled;
mod shaky;
mod sled;

/// Runs each contract on each backend.
macro_rules! contracts {
    ($($room:ident: $($name:ident),* $(,)?;)*) => {
        mod on_memory {
            $($(
                #[tokio::test]
                async fn $name() {
                    super::$room::$name(super::bed::MemoryBed::default()).await;
                }
            )*)*
        }
        mod on_fjall {
            $($(
                #[tokio::test]
                async fn $name() {
                    super::$room::$name(super::bed::FjallBed::default()).await;
                }
            )*)*
        }
        mod on_sled {
            $($(
                #[tokio::test]
                async fn $name() {
                    super::$room::$name(super::bed::SledBed::default()).await;
                }
            )*)*
        }
    };
}

contracts! {
    messages:
        a_log_has_no_gaps_over_a_restart,
        what_was_accepted_is_found_again_by_its_id,
        the_same_id_with_other_content_is_a_conflict,
        an_id_is_the_senders_own,
        a_duplicate_in_one_append_is_found,
        a_direct_chat_is_of_two,
        a_note_to_oneself_has_one_member,
        what_is_not_supported_is_refused,
        a_large_entry_comes_back_whole,
        an_append_larger_than_a_commit_is_answered_whole,
        concurrent_senders_get_one_order,
        an_unknown_user_is_refused_when_the_operator_wants_it,
        time_does_not_go_back;
    groups:
        a_group_begins_with_its_making,
        a_row_that_gets_shorter_again_and_again_fits_its_batch,
        only_members_write_and_only_the_owner_changes,
        a_change_that_does_not_fit_the_members_is_refused,
        a_resend_is_answered_after_the_sender_was_put_out,
        who_is_out_sees_up_to_the_end_and_no_more,
        who_comes_back_sees_both_spans,
        an_owner_hands_over_before_leaving,
        the_last_one_may_leave,
        bounds_of_groups_and_chats_are_kept,
        a_change_of_a_hundred_members_is_one_commit;
    rights:
        an_admin_does_much_and_not_to_other_admins,
        a_group_is_handed_over_to_a_member,
        who_is_mute_changes_what_it_may_and_says_nothing,
        rules_say_who_writes_and_who_adds,
        what_was_before_is_seen_and_not_delivered,
        who_comes_back_to_the_history_is_owed_what_it_was_owed,
        who_was_in_often_loses_nothing_that_it_has_not_had,
        a_dissolved_group_is_read_and_nothing_else,
        a_group_is_described;
    joining:
        who_has_a_link_comes_in_and_nobody_else,
        a_link_ends_with_its_time_its_uses_or_by_hand,
        a_link_is_its_makers_and_the_admins,
        who_asks_is_let_in_or_refused,
        who_was_refused_long_ago_makes_room_for_who_asks,
        an_open_group_takes_anyone_but_who_was_put_out,
        there_are_so_many_links_and_no_more,
        links_and_wishes_outlive_a_restart;
    changes:
        an_edit_is_its_senders_and_an_entry_of_its_own,
        what_is_too_late_stays_as_it_is,
        a_recall_leaves_the_place_and_nothing_of_the_content,
        the_longest_recall_is_one_commit,
        a_device_that_lags_gets_what_is_left_in_its_place,
        admins_recall_what_members_say,
        only_what_is_seen_is_referred_to,
        an_origin_is_checked,
        so_many_are_pinned_and_each_once,
        a_thread_comes_in_pages,
        what_only_changes_entries_is_not_unread,
        a_reader_beside_a_recall_sees_an_entry_or_what_is_left_of_it;
    expiring:
        what_has_expired_is_shown_to_nobody_and_then_erased,
        what_was_due_while_nobody_looked_is_erased_in_steps,
        a_recall_comes_before_the_time_is_over_or_not_at_all,
        an_edit_prolongs_nothing_and_a_forward_stays_by_itself,
        what_has_expired_is_not_counted_and_not_the_last,
        nothing_expires_in_a_room_and_everything_else_does;
    scheduled:
        a_scheduled_message_is_sent_once_and_at_its_time,
        a_clock_that_was_ahead_for_a_moment_sends_nothing_early,
        it_is_set_anew_and_taken_back_by_its_name,
        what_may_not_be_sent_then_stays_with_the_reason,
        a_message_whose_id_is_taken_meanwhile_is_no_second_one,
        what_is_never_sent_later_is_refused_at_once,
        a_user_has_so_many_scheduled_and_no_more;
    rooms:
        a_room_is_opened_once_and_by_whom_it_may_be,
        a_room_keeps_so_many_entries_and_their_ids,
        a_room_keeps_fewer_when_it_is_told_to,
        a_log_goes_on_where_it_was_over_a_restart,
        a_slow_room_refuses_what_comes_too_soon,
        what_is_said_in_a_room_is_answered_and_passed_on,
        what_is_said_in_a_room_is_taken_back_by_whom_it_may_be,
        the_owner_and_moderators_make_others_mute,
        a_room_is_changed_by_its_owner_and_not_like_a_group,
        a_closed_room_is_read_and_nothing_else,
        a_page_of_a_room_is_whole_while_its_log_forgets,
        nobody_has_a_place_in_a_room;
    own:
        what_is_set_has_a_revision_and_is_told_once,
        marks_that_are_not_named_stay_as_they_are,
        only_ones_own_chats_are_marked,
        a_removal_is_told_until_it_is_forgotten,
        changes_come_in_pages,
        what_is_hidden_counts_no_more,
        so_many_ranges_are_hidden_and_no_more,
        mentions_are_counted_behind_what_was_read,
        own_state_outlives_a_restart,
        chats_come_by_what_was_written_last,
        the_last_entry_comes_along_unless_it_is_hidden_or_long;
    profiles:
        a_profile_is_kept_and_told_once;
    receipts:
        receipts_count_the_others_who_may_see_an_entry,
        who_may_see_what_was_before_has_not_read_it,
        who_hides_what_it_reads_is_told_of_nobody,
        readers_come_in_pages,
        a_large_group_is_counted_once_in_a_while;
    keys:
        a_one_time_key_is_given_once_and_again_to_the_same_claim,
        a_device_that_is_logged_out_leaves_no_keys,
        who_is_blocked_finds_no_keys,
        what_was_taken_once_is_passed_over,
        another_identity_ends_the_keys_before_and_is_told,
        keys_are_bounded_and_so_are_claims,
        concurrent_claims_are_given_different_keys,
        what_was_given_stays_given_over_a_power_cut;
    files:
        a_file_is_begun_once_and_counts,
        only_a_whole_file_is_sent_by_who_has_it,
        who_sees_an_entry_sees_its_file,
        a_file_in_no_chat_is_forgotten_and_one_in_a_chat_stays,
        a_file_in_a_room_is_anyones_while_its_entry_is_kept;
    contacts:
        who_is_asked_becomes_a_contact_and_is_one_no_more,
        a_contact_is_called_as_its_user_likes,
        who_is_blocked_is_answered_as_if_there_were_no_such_user,
        who_is_blocked_adds_nobody_and_takes_back_what_it_said,
        who_writes_to_whom_is_the_operators,
        who_is_blocked_is_answered_as_for_a_user_who_is_not_there,
        a_group_in_common_opens_a_chat_and_its_end_closes_it,
        so_many_are_blocked_and_no_more,
        contacts_and_blocks_outlive_a_restart;
    log_outs:
        a_device_is_listed_as_it_was_seen_last,
        who_is_logged_out_is_gone_with_its_cursors,
        a_ticket_ends_with_its_device,
        all_others_are_logged_out_however_many_they_are,
        a_device_that_was_not_seen_is_forgotten,
        cursors_that_are_left_are_not_those_of_who_comes_again;
    devices:
        a_new_device_starts_where_it_asks,
        a_known_device_keeps_its_cursors,
        a_user_has_so_many_devices_and_no_more,
        a_device_gets_exactly_what_is_missing,
        cursors_only_move_forward_and_within_sight,
        a_claim_over_many_chats_is_whole,
        effects_come_in_the_order_of_the_log,
        lagging_goes_on_where_it_stopped,
        stretches_stop_at_the_limit;
    chats:
        history_goes_both_ways,
        history_stops_at_bytes,
        unread_counts_what_others_wrote,
        a_direct_chat_shows_the_other_one,
        members_come_in_pages,
        chats_come_in_pages_without_those_left,
        a_stranger_is_told_nothing,
        last_seen_is_kept,
        accounts_are_kept_and_generations_remembered,
        everything_is_there_after_a_restart;
}
