/* What is revoked, on Redis: how it is told to the loop, when it is forgotten, and what is put back where Redis has another
 * idea of it. */
#include "tests/contract/store_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char device[] = "meter-17", slot[] = "operational", issuer[] = "00000000000000ca";
static struct rig rig;

static int set_up(void **state)
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

static void nap(void)
{
    const struct timespec look = { 0, 2000000L };
    (void)nanosleep(&look, NULL);
}

static int64_t mono_ms(void)
{
    return cr_mono_ms(cr_clock_system());
}

static long long changes(void)
{
    return private_redis_integer(&rig.redis, "ZCARD cr:{revoked}:changes");
}

static long long meta(const char *field)
{
    redisReply *reply = private_redis_command(&rig.redis, "HGET cr:{revoked}:meta %s", field);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    long long number = strtoll(reply->str, NULL, 10);
    freeReplyObject(reply);
    return number;
}

static struct cr_cert_facts stray_until(unsigned number, int64_t not_after)
{
    return rig_cert(device, number, number, rig.now_s, not_after);
}

static struct cr_cert_facts stray(unsigned number)
{
    return stray_until(number, rig.now_s + 90 * RIG_DAY_S);
}

static void revoke(struct rig_broker *broker, const struct cr_cert_facts *facts, unsigned reason)
{
    (void)rig_revoke(broker, rig_job_revoke_certificate(broker, "", facts, reason));
}

static void mark_of(struct rig_broker *broker, const char *id, enum cr_revoke_verb verb, unsigned reason)
{
    struct cr_job *job = rig_job_revoke(broker, verb, "", "", reason);
    (void)snprintf(job->revoke->issuer, sizeof job->revoke->issuer, "%s", id);
    (void)rig_revoke(broker, job);
}

static void mark(struct rig_broker *broker, enum cr_revoke_verb verb, unsigned reason)
{
    mark_of(broker, issuer, verb, reason);
}

static void release_slot(struct rig_broker *broker, const char *name, const char *of)
{
    struct cr_job *job = rig_job(broker, CR_OP_STEER, name, of);
    job->steer = calloc(1, sizeof *job->steer);
    assert_non_null(job->steer);
    job->steer->verb = CR_STEER_RELEASE;
    job = rig_run(broker, job);
    assert_int_equal(job->outcome, CR_OUT_RECORD);
    cr_job_free(job);
}

static void release(struct rig_broker *broker)
{
    release_slot(broker, device, "");
}

/* The broker finds Redis as it is now, and puts back what it misses. */
static void find_anew(struct rig_broker *broker)
{
    uint64_t before = rig_health(broker).reconnects;
    freeReplyObject(private_redis_command(&rig.redis, "CLIENT KILL TYPE normal SKIPME yes"));
    for (int64_t end = mono_ms() + RIG_WAIT_MS; rig_health(broker).reconnects == before; nap()) {
        assert_true(mono_ms() < end);
    }
    assert_true(rig_wait_connected(broker, true));
}

static unsigned held(struct rig_broker *broker)
{
    (void)pthread_mutex_lock(&broker->lock);
    unsigned count = broker->revoked.held_count;
    (void)pthread_mutex_unlock(&broker->lock);
    return count;
}

/* A loop that does not get round to its pages gets no more of them, and one that loses the first of them begins anew. */
static void pages_wait_for_the_loop(void **state)
{
    enum { PAGES_OUT = 4, ENTRIES = 8 };
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_revocation entry;
    rig.hold_pages = true;
    struct rig_broker *two = rig_open(&rig, "two");
    for (unsigned i = 1; i <= ENTRIES; i++) {
        struct cr_cert_facts facts = stray(i);
        unsigned expected = i + 1 < PAGES_OUT ? i + 1 : PAGES_OUT;
        revoke(one, &facts, CR_REASON_KEY_COMPROMISE);
        for (int64_t end = mono_ms() + RIG_WAIT_MS; held(two) < expected; nap()) {
            assert_true(mono_ms() < end);
        }
        assert_int_equal(held(two), expected);
        assert_true(rig_revoked(one, &facts, true, &entry));
    }
    assert_int_equal(two->revoked.pages, 0);
    rig_revoked_let_go(two, 1);
    assert_true(rig_revoked_complete(two, ENTRIES));
    assert_int_equal(two->revoked.anew, 1);
}

/* The next page is asked for as soon as one is told: a broker that starts knows all of it at once. */
static void many_pages_come_in_one_go(void **state)
{
    enum { ENTRIES = 2000, STARTS = 3, SLOW_MS = 4000 }; /* eight pages, one a second if each waited for the next look */
    (void)state;
    (void)rig_open(&rig, "one");
    static const char fill[] = "for i = 1, 2000 do local serial = string.format('5a%030x', i) "
                               "redis.call('HSET', KEYS[2], serial, '1 1800000000 1900000000 -') "
                               "redis.call('ZADD', KEYS[3], redis.call('HINCRBY', KEYS[1], 'version', 1), "
                               "serial .. '@' .. ARGV[1]) end return 1";
    assert_int_equal(private_redis_integer(&rig.redis, "EVAL %s 3 cr:{revoked}:meta cr:{revoked}:of:%s cr:{revoked}:changes %s",
                                           fill, issuer, issuer), 1);
    int64_t best = RIG_WAIT_MS;
    for (unsigned i = 0; i < STARTS; i++) {
        struct rig_broker *late = rig_open(&rig, "late");
        int64_t from = mono_ms();
        assert_true(rig_revoked_complete(late, ENTRIES));
        best = mono_ms() - from < best ? mono_ms() - from : best;
        rig_close(late);
    }
    assert_true(best < SLOW_MS);
}

/* A day after its end, by the clock of who looks; what was taken back, too. */
static void what_has_ended_is_forgotten(void **state)
{
    (void)state;
    rig.now_s = cr_wall_s(cr_clock_system()) - 3 * RIG_DAY_S;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts early = stray_until(2, rig.now_s + 2 * RIG_DAY_S - 60);
    struct cr_cert_facts late = stray_until(3, rig.now_s + 2 * RIG_DAY_S + 3600), valid = stray(4);
    const char *back = "5a@00000000000000ca"; /* taken back, and ended two days ago */
    assert_int_equal(private_redis_integer(&rig.redis, "HSET cr:{revoked}:gone %s 1", back), 1);
    assert_int_equal(private_redis_integer(&rig.redis, "ZADD cr:{revoked}:ends %lld %s", (long long)rig.now_s + RIG_DAY_S, back), 1);
    revoke(one, &early, 0);
    revoke(one, &late, 0);
    revoke(one, &valid, 0);
    for (int64_t end = mono_ms() + RIG_WAIT_MS; changes() > 2; nap()) {
        assert_true(mono_ms() < end);
    }
    assert_int_equal(private_redis_integer(&rig.redis, "HLEN cr:{revoked}:of:%s", issuer), 2);
    assert_int_equal(private_redis_integer(&rig.redis, "HLEN cr:{revoked}:gone"), 0);
    assert_int_equal(private_redis_integer(&rig.redis, "ZCARD cr:{revoked}:ends"), 2);
    struct rig_broker *two = rig_open(&rig, "two");
    struct cr_revocation entry;
    assert_true(rig_revoked_complete(two, 2));
    assert_true(rig_revoked(two, &late, true, &entry));
    /* nor is what has ended put back */
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(one);
    assert_int_equal(changes(), 1);
    assert_int_equal(meta("version"), 1);
}

/* What another broker has said since is in Redis only: a journal that does not know of it changes nothing. */
static void redis_knows_better(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one"), *two = rig_open(&rig, "two");
    struct cr_cert_facts facts = stray(1), again = rig_cert(device, 2, 2, rig.now_s - RIG_DAY_S, rig.now_s + 89 * RIG_DAY_S);
    (void)rig_present(one, slot, &again);
    revoke(one, &facts, CR_REASON_SUPERSEDED);
    mark(one, CR_REVOKE_RETIRE, 0);
    revoke(two, &facts, CR_REASON_KEY_COMPROMISE);
    mark(two, CR_REVOKE_ISSUER, CR_REASON_CA_COMPROMISE);
    mark_of(one, "00000000000000cb", CR_REVOKE_RETIRE, 0);
    mark_of(two, "00000000000000cb", CR_REVOKE_RESTORE, 0);
    /* taken back, then revoked for good: not taken back any more */
    (void)rig_revoke(two, rig_job_revoke(two, CR_REVOKE_DEVICE, device, "", CR_REASON_CERTIFICATE_HOLD));
    release(two);
    assert_int_equal(private_redis_integer(&rig.redis, "HLEN cr:{revoked}:gone"), 1);
    (void)rig_revoke(two, rig_job_revoke(two, CR_REVOKE_DEVICE, device, "", CR_REASON_AFFILIATION_CHANGED));
    assert_int_equal(private_redis_integer(&rig.redis, "HLEN cr:{revoked}:gone"), 0);
    long long version = meta("version");
    unsigned restored = rig_audits(&rig, "restored", NULL);
    find_anew(one);
    find_anew(two);
    assert_int_equal(meta("version"), version);
    assert_int_equal(rig_audits(&rig, "restored", NULL), restored);
    struct rig_broker *three = rig_open(&rig, "three");
    struct cr_revocation entry;
    assert_true(rig_revoked(three, &facts, true, &entry));
    assert_int_equal(entry.reason, CR_REASON_KEY_COMPROMISE);
    assert_int_equal(rig_issuer(three, issuer, CR_ISSUER_REVOKED), CR_ISSUER_REVOKED);
}

/* An issuer's last mark is put back, with its reason and its time. */
static void last_mark_is_put_back(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    mark(one, CR_REVOKE_RETIRE, 0);
    rig.now_s += 60;
    mark(one, CR_REVOKE_ISSUER, CR_REASON_CA_COMPROMISE);
    int64_t at = rig.now_s;
    rig.now_s += 60;
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(one);
    struct rig_broker *two = rig_open(&rig, "two");
    assert_int_equal(rig_issuer(two, issuer, CR_ISSUER_REVOKED), CR_ISSUER_REVOKED);
    assert_int_equal(two->revoked.mark[0].at, at);
    assert_int_equal(two->revoked.mark[0].reason, CR_REASON_CA_COMPROMISE);
    /* one that is trusted again stays so */
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    rig_close(one);
    rig_close(two);
    struct rig_broker *three = rig_open(&rig, "three");
    mark(three, CR_REVOKE_RETIRE, 0);
    mark(three, CR_REVOKE_RESTORE, 0);
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(three);
    redisReply *reply = private_redis_command(&rig.redis, "HGET cr:{revoked}:meta issuer:%s", issuer);
    assert_int_equal(strncmp(reply->str != NULL ? reply->str : "", "trusted ", 8), 0);
    freeReplyObject(reply);
}

/* Another broker has put back as much as there was, but not what this one knows: it looks all the same. */
static void putting_back_is_counted(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts facts = stray(1);
    revoke(one, &facts, CR_REASON_KEY_COMPROMISE);
    assert_true(rig_revoked_complete(one, 1));
    freeReplyObject(private_redis_command(&rig.redis, "DEL cr:{revoked}:of:%s cr:{revoked}:changes cr:{revoked}:ends", issuer));
    assert_int_equal(private_redis_integer(&rig.redis, "HSET cr:{revoked}:meta lost 1"), 1);
    for (int64_t end = mono_ms() + RIG_WAIT_MS; changes() == 0; nap()) {
        assert_true(mono_ms() < end);
    }
    assert_int_equal(meta("lost"), 2);
    mark(one, CR_REVOKE_RETIRE, 0);
    freeReplyObject(private_redis_command(&rig.redis, "HDEL cr:{revoked}:meta issuer:%s", issuer));
    find_anew(one);
    assert_int_equal(meta("lost"), 3);
}

static struct cr_slot_record slot_put_back(struct rig_broker *broker)
{
    struct cr_slot_record record = rig_slot(broker, device, slot);
    for (int64_t end = mono_ms() + RIG_WAIT_MS; record.revoked.at == 0; nap()) {
        assert_true(mono_ms() < end);
        record = rig_slot(broker, device, slot);
    }
    return record;
}

/* A slot that was put back counts as before: a release that only another broker knows of holds. */
static void slot_is_put_back_once(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 10, 10, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
    (void)rig_present(one, slot, &facts);
    struct cr_job *job = rig_issue(one, device, slot, 11);
    facts = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(one, slot, &facts));
    cr_job_free(rig_run(one, rig_job_trigger(one, device, slot)));
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, device, "", CR_REASON_KEY_COMPROMISE));
    uint64_t version = rig_slot(one, device, slot).version;
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(one);
    assert_int_equal(slot_put_back(one).version, version);
    rig_expect_audits(&rig, "restored", device, 4); /* certificate, two entries, slot */
    struct rig_broker *two = rig_open(&rig, "two");
    release(two);
    find_anew(one);
    assert_int_equal(rig_slot(one, device, slot).revoked.at, 0);
    assert_false(rig_slot(one, device, slot).held);
}

/* What the journal says was released is not revoked anew, by its lines at the next start, either; nor what was on hold. */
static void released_is_not_put_back(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 10, 10, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
    (void)rig_present(one, slot, &facts);
    struct cr_job *job = rig_issue(one, device, slot, 11);
    facts = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(one, slot, &facts));
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, device, "", CR_REASON_PRIVILEGE_WITHDRAWN));
    release(one);
    for (int restarted = 0; restarted < 2; restarted++) {
        freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
        if (restarted > 0) {
            rig_close(one);
            one = rig_open(&rig, "one");
        } else {
            find_anew(one);
        }
        struct cr_slot_record record = rig_slot(one, device, slot);
        assert_true(cr_serial_equal(&record.current.serial, &facts.serial));
        assert_false(record.held);
        assert_int_equal(record.revoked.at, 0);
        assert_int_equal(changes(), 2); /* for ever */
    }
}

/* A slot whose certificates had all ended was revoked, too. */
static void slot_without_certificate_is_put_back(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 10, 10, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
    (void)rig_present(one, slot, &facts);
    struct cr_job *job = rig_issue(one, device, slot, 11);
    facts = rig_cert_of(job);
    cr_job_free(job);
    assert_true(rig_present(one, slot, &facts));
    rig.now_s = facts.not_after;
    /* another slot, and another device's, are released again: that is not about this one */
    struct cr_cert_facts data = rig_cert(device, 20, 20, rig.now_s - RIG_DAY_S, rig.now_s + RIG_DAY_S);
    struct cr_cert_facts other = rig_cert("meter-18", 30, 30, rig.now_s - RIG_DAY_S, rig.now_s + RIG_DAY_S);
    (void)rig_present(one, "data", &data);
    (void)rig_present(one, slot, &other);
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, device, "", CR_REASON_PRIVILEGE_WITHDRAWN));
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, "meter-18", "", CR_REASON_PRIVILEGE_WITHDRAWN));
    release_slot(one, device, "data");
    release_slot(one, "meter-18", slot);
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(one);
    assert_int_equal(slot_put_back(one).revoked.reason, CR_REASON_PRIVILEGE_WITHDRAWN);
    assert_true(rig_slot(one, device, slot).held);
    release(one);
    freeReplyObject(private_redis_command(&rig.redis, "FLUSHALL"));
    find_anew(one);
    struct cr_slot_record record = rig_slot(one, device, slot);
    assert_true(cr_serial_equal(&record.current.serial, &facts.serial));
    assert_int_equal(record.revoked.at, 0);
    assert_false(record.held);
}

/* The first of two releases got lost on its way back, after what is revoked had changed: the second gives the key back. */
static void release_goes_on_where_it_ended(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts facts = rig_cert(device, 10, 10, rig.now_s - 80 * RIG_DAY_S, rig.now_s + 10 * RIG_DAY_S);
    (void)rig_present(one, slot, &facts);
    (void)rig_revoke(one, rig_job_revoke(one, CR_REVOKE_DEVICE, device, "", CR_REASON_CERTIFICATE_HOLD));
    redisReply *reply = private_redis_command(&rig.redis, "HKEYS cr:{revoked}:of:%s", issuer);
    assert_int_equal(reply->elements, 1);
    assert_int_equal(private_redis_integer(&rig.redis, "HSET cr:{revoked}:gone %s@%s %lld", reply->element[0]->str, issuer,
                                           (long long)facts.not_after), 1);
    assert_int_equal(private_redis_integer(&rig.redis, "DEL cr:{revoked}:of:%s", issuer), 1);
    freeReplyObject(reply);
    release(one);
    struct cr_job *job = rig_run(one, rig_job_csr(one, "meter-18", slot, 10, NULL));
    assert_int_equal(job->refusal, CR_REFUSAL_KEY_REUSED);
    cr_job_free(job);
}

/* A line that cannot be read is told of, and hides no other. */
static void damaged_entry_hides_no_other(void **state)
{
    (void)state;
    struct rig_broker *one = rig_open(&rig, "one");
    struct cr_cert_facts first = stray(1), second = stray(2);
    struct cr_revocation entry;
    revoke(one, &first, 0);
    revoke(one, &second, 0);
    struct rig_broker *two = rig_open(&rig, "two");
    assert_true(rig_revoked_complete(two, 2));
    assert_int_equal(rig_health(two).errors, 0);
    redisReply *reply = private_redis_command(&rig.redis, "HKEYS cr:{revoked}:of:%s", issuer);
    assert_int_equal(reply->elements, 2);
    (void)private_redis_integer(&rig.redis, "HSET cr:{revoked}:of:%s %s damaged", issuer, reply->element[1]->str);
    freeReplyObject(reply);
    struct rig_broker *three = rig_open(&rig, "three");
    for (int64_t end = mono_ms() + RIG_WAIT_MS; rig_health(three).errors == 0; nap()) {
        assert_true(mono_ms() < end);
    }
    struct cr_cert_facts later = stray(3);
    revoke(one, &later, 0);
    assert_true(rig_revoked(three, &later, true, &entry));
}

int main(void)
{
#define REDIS(TEST) cmocka_unit_test_setup_teardown(TEST, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        REDIS(pages_wait_for_the_loop),
        REDIS(many_pages_come_in_one_go),
        REDIS(what_has_ended_is_forgotten),
        REDIS(redis_knows_better),
        REDIS(last_mark_is_put_back),
        REDIS(putting_back_is_counted),
        REDIS(slot_is_put_back_once),
        REDIS(released_is_not_put_back),
        REDIS(slot_without_certificate_is_put_back),
        REDIS(release_goes_on_where_it_ended),
        REDIS(damaged_entry_hides_no_other),
    };
    return cmocka_run_group_tests_name("store_revoked", tests, NULL, NULL);
}
