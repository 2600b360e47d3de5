/* The contract of the store (test_store.c) on a Redis Cluster of three nodes. */
#include "tests/contract/cluster_scene.h"
#include "tests/contract/store_suite.h"

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    cluster_start(false);
    return 0;
}

static int end(void **state)
{
    (void)state;
    cluster_stop();
    return 0;
}

static int set_up(void **state)
{
    cluster_empty();
    cluster_rig(&rig);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* What all devices do is spread over the nodes: none of them is idle. */
static void store_uses_every_node(void **state)
{
    struct rig *here = *state;
    renewers_init(&cluster_renewers, rig_open(here, "one"));
    for (int i = 0; i < 6; i++) {
        assert_int_equal(renewers_round(&cluster_renewers, NULL), 0);
    }
    renewers_check(&cluster_renewers);
    for (unsigned i = 0; i < cluster.count; i++) {
        assert_true(private_redis_integer(&cluster.node[i].redis, "DBSIZE") > 0);
        assert_int_equal(cluster_errors((int)i, "MOVED"), 0); /* each was found at once */
    }
}

static void require_password(const char *password)
{
    for (unsigned i = 0; i < cluster.count; i++) { /* whoever is connected stays so */
        redisReply *reply = private_redis_command(&cluster.node[i].redis, "CONFIG SET requirepass %s", password);
        assert_non_null(reply);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
    }
}

static void store_tells_every_node_the_password(void **state)
{
    struct rig *here = *state;
    require_password("geheim");
    here->password = "geheim";
    renewers_init(&cluster_renewers, rig_open(here, "one"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(renewers_round(&cluster_renewers, NULL), 0);
    }
    renewers_check(&cluster_renewers);
    here->password = "wrong";
    struct rig_broker *wrong = rig_open_only(here, "two");
    struct cr_job *job = rig_run(wrong, rig_job(wrong, CR_OP_GET, "meter-1", "operational"));
    assert_int_equal(job->refusal, CR_REFUSAL_STORE_UNAVAILABLE);
    cr_job_free(job);
    assert_true(rig_wait_connected(wrong, false));
    require_password("");
}

int main(void)
{
#define CLUSTER_TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(store_uses_every_node),
        CLUSTER_TEST(store_tells_every_node_the_password),
        CLUSTER_TEST(store_present_fills_the_inventory),
        CLUSTER_TEST(store_present_prefers_the_newer_of_foreign_certificates),
        CLUSTER_TEST(store_present_begins_what_is_due),
        CLUSTER_TEST(store_present_begins_nothing_for_others),
        CLUSTER_TEST(store_window_decides_when_a_device_may_ask),
        CLUSTER_TEST(store_issues_and_confirms),
        CLUSTER_TEST(store_same_key_gets_the_same_bytes),
        CLUSTER_TEST(store_second_asker_waits_while_issuing),
        CLUSTER_TEST(store_lease_over_means_a_new_serial),
        CLUSTER_TEST(store_earlier_life_is_taken_over_at_once),
        CLUSTER_TEST(store_other_broker_waits_for_the_lease),
        CLUSTER_TEST(store_key_of_another_is_refused),
        CLUSTER_TEST(store_current_key_is_refused_unless_allowed),
        CLUSTER_TEST(store_former_key_is_refused),
        CLUSTER_TEST(store_new_key_replaces_what_waits),
        CLUSTER_TEST(store_late_certificate_is_not_handed_out),
        CLUSTER_TEST(store_regression_is_told),
        CLUSTER_TEST(store_stranger_changes_nothing),
        CLUSTER_TEST(store_trigger_needs_a_known_slot),
        CLUSTER_TEST(store_trigger_opens_a_renewal),
        CLUSTER_TEST(store_trigger_leaves_what_is_under_way),
        CLUSTER_TEST(store_trigger_ends_with_its_deadline),
        CLUSTER_TEST(store_hold_stops_all),
        CLUSTER_TEST(store_report_failed_triggers_again),
        CLUSTER_TEST(store_report_installed_confirms_other_slots),
        CLUSTER_TEST(store_report_must_name_the_renewal),
        CLUSTER_TEST(store_get_answers_for_unknown_devices),
        CLUSTER_TEST(store_inspect_shows_all_slots),
        CLUSTER_TEST(store_slots_are_apart),
        CLUSTER_TEST(store_list_shows_what_is_known),
        CLUSTER_TEST(store_list_filters_together),
        CLUSTER_TEST(store_list_filters_by_trust),
        CLUSTER_TEST(store_list_pages_lose_nothing),
        CLUSTER_TEST(store_list_picks_a_share),
        CLUSTER_TEST(store_list_shows_alerts),
        CLUSTER_TEST(store_campaign_survives_a_round_trip),
        CLUSTER_TEST(store_campaign_is_written_by_one_at_a_time),
        CLUSTER_TEST(store_campaign_must_be_known),
        CLUSTER_TEST(store_campaigns_are_listed_newest_first),
        CLUSTER_TEST(store_campaign_is_audited),
        CLUSTER_TEST(store_campaign_counts_what_becomes_of_its_members),
        CLUSTER_TEST(store_campaign_counts_who_does_not_answer),
        CLUSTER_TEST(store_campaign_passes_over_what_is_on_hold),
        CLUSTER_TEST(store_campaign_asks_each_member_once),
        CLUSTER_TEST(store_campaign_takes_in_what_is_under_way),
        CLUSTER_TEST(store_campaign_gives_members_away),
        CLUSTER_TEST(store_campaign_counts_who_is_cancelled),
        CLUSTER_TEST(store_campaign_counts_who_is_revoked),
        CLUSTER_TEST(store_revoked_device_is_held),
        CLUSTER_TEST(store_revoking_takes_every_certificate),
        CLUSTER_TEST(store_revoked_while_signing_is_not_handed_out),
        CLUSTER_TEST(store_revoked_key_is_refused_for_ever),
        CLUSTER_TEST(store_certificate_hold_is_taken_back),
        CLUSTER_TEST(store_issuers_are_retired_and_revoked),
        CLUSTER_TEST(store_revoked_are_listed_in_pages),
        CLUSTER_TEST(store_other_brokers_are_told),
        CLUSTER_TEST(store_campaign_needs_not_be_known_to_its_members),
        CLUSTER_TEST(store_audit_writes_a_line),
        CLUSTER_TEST(store_many_at_once),
    };
    return cmocka_run_group_tests_name("store on a Cluster", tests, begin, end);
}
