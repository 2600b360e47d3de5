/* One contract, two stores: the one in memory that flow tests use, and Redis with its journal. */
#include "tests/contract/store_suite.h"

#include <stdlib.h>

static struct rig rig;

static int set_up_fake(void **state)
{
    rig_init(&rig, RIG_FAKE);
    *state = &rig;
    return 0;
}

static int set_up_redis(void **state)
{
    rig_init(&rig, RIG_REDIS);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

#define BOTH(TEST)                                                       \
    { "fake: " #TEST, TEST, set_up_fake, tear_down, NULL },              \
    {                                                                    \
        "redis: " #TEST, TEST, set_up_redis, tear_down, NULL             \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(store_present_fills_the_inventory),
        BOTH(store_present_prefers_the_newer_of_foreign_certificates),
        BOTH(store_present_begins_what_is_due),
        BOTH(store_present_begins_nothing_for_others),
        BOTH(store_longest_names_fit),
        BOTH(store_longest_campaign_fits),
        BOTH(store_longest_policy_fits),
        BOTH(store_what_came_to_nothing_begins_anew),
        BOTH(store_what_waits_stays_when_another_slots_ended),
        BOTH(store_agenda_claims_what_is_due),
        BOTH(store_agenda_claim_ends),
        BOTH(store_agenda_triggers_once),
        BOTH(store_agenda_gives_way_to_what_happened),
        BOTH(store_agenda_keeps_the_rate),
        BOTH(store_agenda_goes_round),
        BOTH(store_advance_begins_tries_again_and_gives_up),
        BOTH(store_advance_tells_when_a_certificate_ends),
        BOTH(store_advance_ends_a_lost_issuance),
        BOTH(store_advance_brings_the_certificate_again),
        BOTH(store_advance_touches_nothing_held_or_unknown),
        BOTH(store_window_decides_when_a_device_may_ask),
        BOTH(store_issues_and_confirms),
        BOTH(store_same_key_gets_the_same_bytes),
        BOTH(store_second_asker_waits_while_issuing),
        BOTH(store_lease_over_means_a_new_serial),
        BOTH(store_earlier_life_is_taken_over_at_once),
        BOTH(store_other_broker_waits_for_the_lease),
        BOTH(store_key_of_another_is_refused),
        BOTH(store_current_key_is_refused_unless_allowed),
        BOTH(store_former_key_is_refused),
        BOTH(store_new_key_replaces_what_waits),
        BOTH(store_late_certificate_is_not_handed_out),
        BOTH(store_regression_is_told),
        BOTH(store_stranger_changes_nothing),
        BOTH(store_learns_how_seldom_a_device_appears),
        BOTH(store_window_opens_early_for_who_appears_seldom),
        BOTH(store_early_window_has_its_bounds),
        BOTH(store_early_window_holds_for_what_comes_next),
        BOTH(store_other_slots_begin_too),
        BOTH(store_other_slots_need_a_profile),
        BOTH(store_unanswered_begins_anew_when_it_appears),
        BOTH(store_expired_certificate_begins_at_once),
        BOTH(store_agenda_gets_back_what_it_lost),
        BOTH(store_old_certificate_works_until_its_grace_is_over),
        BOTH(store_without_grace_the_old_is_refused_at_once),
        BOTH(store_regression_is_healed),
        BOTH(store_much_older_certificate_regresses_too),
        BOTH(store_regression_waits_for_who_may_not_begin),
        BOTH(store_older_connection_is_no_regression),
        BOTH(store_split_identity_is_told),
        BOTH(store_failures_wait_and_alert),
        BOTH(store_failure_waits_only_for_itself),
        BOTH(store_generation_never_decreases),
        BOTH(store_trigger_needs_a_known_slot),
        BOTH(store_trigger_opens_a_renewal),
        BOTH(store_trigger_leaves_what_is_under_way),
        BOTH(store_trigger_ends_with_its_deadline),
        BOTH(store_hold_stops_all),
        BOTH(store_report_failed_triggers_again),
        BOTH(store_report_installed_confirms_other_slots),
        BOTH(store_report_must_name_the_renewal),
        BOTH(store_get_answers_for_unknown_devices),
        BOTH(store_inspect_shows_all_slots),
        BOTH(store_slots_are_apart),
        BOTH(store_campaign_survives_a_round_trip),
        BOTH(store_campaign_is_written_by_one_at_a_time),
        BOTH(store_campaign_must_be_known),
        BOTH(store_campaigns_are_listed_newest_first),
        BOTH(store_campaigns_that_ended_make_room),
        BOTH(store_campaign_is_audited),
        BOTH(store_campaign_counts_what_becomes_of_its_members),
        BOTH(store_campaign_counts_who_does_not_answer),
        BOTH(store_campaign_passes_over_what_is_on_hold),
        BOTH(store_campaign_asks_each_member_once),
        BOTH(store_campaign_takes_in_what_is_under_way),
        BOTH(store_campaign_gives_members_away),
        BOTH(store_campaign_counts_who_is_cancelled),
        BOTH(store_campaign_needs_not_be_known_to_its_members),
        BOTH(store_audit_writes_a_line),
        BOTH(store_takes_no_more_than_its_bound),
        BOTH(store_many_at_once),
        BOTH(store_history_goes_both_ways),
        BOTH(store_history_looks_far),
        BOTH(store_history_filters),
        BOTH(store_history_has_bounds),
        BOTH(store_history_knows_its_cursors),
        BOTH(store_history_has_what_was_done),
        BOTH(store_history_knows_who_is_unknown),
        BOTH(store_policy_is_nothing_at_first),
        BOTH(store_policy_is_shared),
        BOTH(store_policy_goes_by_its_version),
        BOTH(store_policy_says_what_changed),
        BOTH(store_policy_has_its_bound),
        BOTH(store_policy_damaged_is_refused),
        BOTH(store_steer_needs_a_known_device),
        BOTH(store_held_slot_begins_nothing),
        BOTH(store_release_leaves_what_is_not_due),
        BOTH(store_hold_is_about_one_slot_or_all),
        BOTH(store_held_trigger_gets_its_time_back),
        BOTH(store_hold_keeps_what_is_signed),
        BOTH(store_cancel_ends_a_trigger),
        BOTH(store_cancel_keeps_a_later_plan),
        BOTH(store_cancel_holds_for_who_appears_seldom),
        BOTH(store_cancel_waits_for_an_issuance),
        BOTH(store_tags_are_sorted_and_bounded),
        BOTH(store_acknowledge_needs_an_alert),
        BOTH(store_list_shows_what_is_known),
        BOTH(store_present_notes_the_broker),
        BOTH(store_list_tells_what_is_over),
        BOTH(store_list_filters_one_by_one),
        BOTH(store_list_filters_together),
        BOTH(store_list_pages_lose_nothing),
        BOTH(store_list_pages_through_one_second),
        BOTH(store_list_keeps_the_limit),
        BOTH(store_list_counts),
        BOTH(store_list_picks_a_share),
        BOTH(store_list_picks_a_tag),
        BOTH(store_list_shows_alerts),
        BOTH(store_list_knows_its_cursors),
        BOTH(store_watch_has_what_is_due),
        BOTH(store_look_raises_each_threshold_once),
        BOTH(store_look_is_patient_with_what_has_just_begun),
        BOTH(store_look_calls_by_all_means),
        BOTH(store_look_does_not_wait_for_a_short_life),
        BOTH(store_answer_ends_the_calls),
        BOTH(store_confirming_ends_the_alert),
        BOTH(store_held_slot_is_no_alert),
        BOTH(store_end_of_a_certificate_is_told_once),
        BOTH(store_unanswered_and_failing_are_alerts),
        BOTH(store_cancelled_is_not_called),
        BOTH(store_survey_of_nothing_is_empty),
        BOTH(store_survey_counts_states_and_ends),
        BOTH(store_survey_tells_when_renewals_begin),
        BOTH(store_survey_tells_who_will_not_renew),
        BOTH(store_survey_tells_who_fails),
        BOTH(store_survey_tells_who_does_not_answer),
        BOTH(store_survey_goes_through_all),
        BOTH(store_survey_one_broker_counts),
        BOTH(store_trust_is_told_to_all),
        BOTH(store_trust_versions_only_grow),
        BOTH(store_trust_confirming_is_kept),
        BOTH(store_census_of_nothing_is_empty),
        BOTH(store_census_counts_who_needs_it),
        BOTH(store_census_counts_who_came_back_with_a_former_one),
        BOTH(store_census_names_some),
        BOTH(store_census_counts_a_large_bucket_whole),
        BOTH(store_census_counts_who_confirmed_the_bundle),
        BOTH(store_enrol_needs_an_allowance),
        BOTH(store_enrol_knows_who_is_known),
        BOTH(store_enrol_is_forbidden_again),
        BOTH(store_enrol_any_is_once),
        BOTH(store_enrol_same_key_gets_the_same_bytes),
        BOTH(store_reenrol_when_the_certificate_is_useless),
        BOTH(store_reenrol_after_a_revocation),
        BOTH(store_reenrol_always_or_never),
        BOTH(store_enrol_is_stopped_by_a_hold),
        BOTH(store_token_is_used_by_one_key),
        BOTH(store_token_expires),
        BOTH(store_token_is_for_a_known_device_too),
        BOTH(store_factory_keys_are_no_other_keys),
        BOTH(store_presented_keys_are_claimed_for_ever),
        BOTH(store_presented_keys_have_one_owner),
        BOTH(store_device_without_slots_is_no_trouble),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
