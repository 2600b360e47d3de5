/* store_suite: what every store must do, whatever it is made of. Each test gets a fresh rig as *state. */
#ifndef STORE_SUITE_H
#define STORE_SUITE_H

#include "tests/contract/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* test_store.c: connections, requests, and their order. */
void store_present_fills_the_inventory(void **state);
void store_present_prefers_the_newer_of_foreign_certificates(void **state);
void store_window_decides_when_a_device_may_ask(void **state);
void store_issues_and_confirms(void **state);
void store_same_key_gets_the_same_bytes(void **state);
void store_second_asker_waits_while_issuing(void **state);
void store_lease_over_means_a_new_serial(void **state);
void store_earlier_life_is_taken_over_at_once(void **state);
void store_other_broker_waits_for_the_lease(void **state);
void store_key_of_another_is_refused(void **state);
void store_current_key_is_refused_unless_allowed(void **state);
void store_former_key_is_refused(void **state);
void store_new_key_replaces_what_waits(void **state);
void store_late_certificate_is_not_handed_out(void **state);
void store_regression_is_told(void **state);
void store_stranger_changes_nothing(void **state);

/* store_suite_due.c: a device appears when its slot is due. */
void store_present_begins_what_is_due(void **state);
void store_present_begins_nothing_for_others(void **state);
void store_longest_names_fit(void **state);
void store_longest_campaign_fits(void **state);
void store_longest_policy_fits(void **state);
void store_what_came_to_nothing_begins_anew(void **state);
void store_what_waits_stays_when_another_slots_ended(void **state);

/* store_suite_sleep.c: devices that appear seldom, renewals without an answer, other slots. */
void store_learns_how_seldom_a_device_appears(void **state);
void store_window_opens_early_for_who_appears_seldom(void **state);
void store_early_window_has_its_bounds(void **state);
void store_early_window_holds_for_what_comes_next(void **state);
void store_other_slots_begin_too(void **state);
void store_other_slots_need_a_profile(void **state);
void store_unanswered_begins_anew_when_it_appears(void **state);
void store_expired_certificate_begins_at_once(void **state);
void store_agenda_gets_back_what_it_lost(void **state);

/* store_suite_heal.c: superseded certificates, and failures. */
void store_old_certificate_works_until_its_grace_is_over(void **state);
void store_without_grace_the_old_is_refused_at_once(void **state);
void store_regression_is_healed(void **state);
void store_much_older_certificate_regresses_too(void **state);
void store_regression_waits_for_who_may_not_begin(void **state);
void store_older_connection_is_no_regression(void **state);
void store_split_identity_is_told(void **state);
void store_failures_wait_and_alert(void **state);
void store_failure_waits_only_for_itself(void **state);
void store_generation_never_decreases(void **state);
/* store_suite_agenda.c: claiming what is due, and its next step. */
void store_agenda_claims_what_is_due(void **state);
void store_agenda_claim_ends(void **state);
void store_agenda_triggers_once(void **state);
void store_agenda_gives_way_to_what_happened(void **state);
void store_agenda_keeps_the_rate(void **state);
void store_agenda_goes_round(void **state);
void store_advance_begins_tries_again_and_gives_up(void **state);
void store_advance_tells_when_a_certificate_ends(void **state);
void store_advance_ends_a_lost_issuance(void **state);
void store_advance_brings_the_certificate_again(void **state);
void store_advance_touches_nothing_held_or_unknown(void **state);

/* store_suite_operator.c: triggers, reports, reading, holding. */
void store_trigger_needs_a_known_slot(void **state);
void store_trigger_opens_a_renewal(void **state);
void store_trigger_leaves_what_is_under_way(void **state);
void store_trigger_ends_with_its_deadline(void **state);
void store_hold_stops_all(void **state);
void store_report_failed_triggers_again(void **state);
void store_report_installed_confirms_other_slots(void **state);
void store_report_must_name_the_renewal(void **state);
void store_get_answers_for_unknown_devices(void **state);
void store_inspect_shows_all_slots(void **state);
void store_slots_are_apart(void **state);
void store_audit_writes_a_line(void **state);
void store_takes_no_more_than_its_bound(void **state);
void store_many_at_once(void **state);

/* store_suite_policy.c: the settings that all brokers share. */
void store_policy_is_nothing_at_first(void **state);
void store_policy_is_shared(void **state);
void store_policy_goes_by_its_version(void **state);
void store_policy_says_what_changed(void **state);
void store_policy_has_its_bound(void **state);
void store_policy_damaged_is_refused(void **state);

/* store_suite_list.c: listing the fleet: rows and filters. */
void store_list_shows_what_is_known(void **state);
void store_present_notes_the_broker(void **state);
void store_list_tells_what_is_over(void **state);
void store_list_filters_one_by_one(void **state);
void store_list_filters_together(void **state);
void store_list_filters_by_trust(void **state);
void store_list_shows_alerts(void **state);

/* store_suite_pages.c: page by page, and by groups of a campaign. */
void store_list_pages_lose_nothing(void **state);
void store_list_pages_through_one_second(void **state);
void store_list_keeps_the_limit(void **state);
void store_list_counts(void **state);
void store_list_picks_a_share(void **state);
void store_list_picks_a_tag(void **state);
void store_list_knows_its_cursors(void **state);

/* store_suite_history.c: the audit stream, page by page. */
void store_history_goes_both_ways(void **state);
void store_history_looks_far(void **state);
void store_history_filters(void **state);
void store_history_has_bounds(void **state);
void store_history_knows_its_cursors(void **state);
void store_history_has_what_was_done(void **state);
void store_history_knows_who_is_unknown(void **state);

/* store_suite_steer.c: what an operator does to one device. */
void store_steer_needs_a_known_device(void **state);
void store_held_slot_begins_nothing(void **state);
void store_release_leaves_what_is_not_due(void **state);
void store_hold_is_about_one_slot_or_all(void **state);
void store_held_trigger_gets_its_time_back(void **state);
void store_hold_keeps_what_is_signed(void **state);
void store_cancel_ends_a_trigger(void **state);
void store_cancel_keeps_a_later_plan(void **state);
void store_cancel_holds_for_who_appears_seldom(void **state);
void store_cancel_waits_for_an_issuance(void **state);
void store_tags_are_sorted_and_bounded(void **state);
void store_acknowledge_needs_an_alert(void **state);

/* store_suite_campaign.c: campaigns, and how their members fare. */
void store_campaign_survives_a_round_trip(void **state);
void store_campaign_is_written_by_one_at_a_time(void **state);
void store_campaign_must_be_known(void **state);
void store_campaigns_are_listed_newest_first(void **state);
void store_campaigns_that_ended_make_room(void **state);
void store_campaign_is_audited(void **state);
void store_campaign_counts_what_becomes_of_its_members(void **state);
void store_campaign_counts_who_does_not_answer(void **state);
void store_campaign_passes_over_what_is_on_hold(void **state);
void store_campaign_asks_each_member_once(void **state);
void store_campaign_takes_in_what_is_under_way(void **state);
void store_campaign_gives_members_away(void **state);
void store_campaign_counts_who_is_cancelled(void **state);
void store_campaign_counts_who_is_revoked(void **state);
void store_campaign_needs_not_be_known_to_its_members(void **state);
/* store_suite_look.c: what is watched, what a look finds, and what ends it. */
void store_watch_has_what_is_due(void **state);
void store_look_raises_each_threshold_once(void **state);
void store_look_is_patient_with_what_has_just_begun(void **state);
void store_look_calls_by_all_means(void **state);
void store_look_does_not_wait_for_a_short_life(void **state);
void store_answer_ends_the_calls(void **state);
void store_confirming_ends_the_alert(void **state);
void store_held_slot_is_no_alert(void **state);
void store_end_of_a_certificate_is_told_once(void **state);
void store_unanswered_and_failing_are_alerts(void **state);
void store_cancelled_is_not_called(void **state);

/* store_suite_survey.c: the fleet in figures. */
void store_survey_of_nothing_is_empty(void **state);
void store_survey_counts_states_and_ends(void **state);
void store_survey_tells_when_renewals_begin(void **state);
void store_survey_tells_who_will_not_renew(void **state);
void store_survey_tells_who_fails(void **state);
void store_survey_tells_who_does_not_answer(void **state);
void store_survey_goes_through_all(void **state);
void store_survey_one_broker_counts(void **state);

/* store_suite_revoke_rules.c: which certificates are revoked, and what is known of each. */
void store_revoking_takes_a_first_certificate(void **state);
void store_revoking_leaves_what_has_ended(void **state);
void store_revoked_superseded_is_kept_long_enough(void **state);
void store_revoked_superseded_keeps_its_issuer(void **state);
void store_certificate_under_way_takes_its_slot(void **state);
void store_revoking_tells_of_a_trigger_that_was_over(void **state);
void store_release_leaves_what_is_revoked_for_good(void **state);
void store_ended_certificate_takes_its_slot(void **state);
void store_presenting_leaves_a_revoked_key(void **state);
void store_revoked_entry_grows(void **state);
void store_issuer_marks_have_a_bound(void **state);
void store_revoking_needs_what_it_is_about(void **state);

/* store_suite_trust.c: the trust bundle. */
void store_trust_is_told_to_all(void **state);
void store_trust_versions_only_grow(void **state);
void store_trust_confirming_is_kept(void **state);

/* store_suite_census.c: who needs which issuer. */
void store_census_of_nothing_is_empty(void **state);
void store_census_counts_who_needs_it(void **state);
void store_census_counts_who_came_back_with_a_former_one(void **state);
void store_census_names_some(void **state);
void store_census_counts_a_large_bucket_whole(void **state);
void store_census_counts_who_confirmed_the_bundle(void **state);
/* store_suite_revoke.c: what is revoked, and what that ends. */
void store_revoked_device_is_held(void **state);
void store_revoking_needs_a_known_device(void **state);
void store_revoking_again_adds_what_is_new(void **state);
void store_revoking_takes_every_certificate(void **state);
void store_revoking_ends_a_trigger(void **state);
void store_revoked_while_signing_is_not_handed_out(void **state);
void store_revoked_key_is_refused_for_ever(void **state);
void store_release_ends_it(void **state);
void store_certificate_hold_is_taken_back(void **state);
void store_certificate_hold_takes_nothing_back(void **state);
void store_superseded_certificate_is_revoked_alone(void **state);
void store_ended_certificate_that_may_renew_is_revoked(void **state);
void store_revoked_certificate_takes_its_slot(void **state);
void store_issuers_are_retired_and_revoked(void **state);
void store_revoked_are_listed_in_pages(void **state);
void store_other_brokers_are_told(void **state);
/* store_suite_enrol.c: who is let in without a certificate of ours, and whose keys are whose. */
void store_enrol_needs_an_allowance(void **state);
void store_enrol_knows_who_is_known(void **state);
void store_enrol_is_forbidden_again(void **state);
void store_enrol_any_is_once(void **state);
void store_enrol_same_key_gets_the_same_bytes(void **state);
void store_reenrol_when_the_certificate_is_useless(void **state);
void store_reenrol_after_a_revocation(void **state);
void store_reenrol_always_or_never(void **state);
void store_enrol_is_stopped_by_a_hold(void **state);
void store_token_is_used_by_one_key(void **state);
void store_token_expires(void **state);
void store_token_is_for_a_known_device_too(void **state);
void store_factory_keys_are_no_other_keys(void **state);
void store_presented_keys_are_claimed_for_ever(void **state);
void store_presented_keys_have_one_owner(void **state);
void store_device_without_slots_is_no_trouble(void **state);

#endif
