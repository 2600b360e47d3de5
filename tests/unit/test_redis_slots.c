/* Which slot a key is in, what a cluster says of its slots, and what Sentinel says of a primary; also when it is
 * nonsense (hostile 91). */
#include "plugin/store/records.h"
#include "plugin/store/redis_sentinel.h"
#include "plugin/store/redis_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cr_redis_host asked = { "seed.example", 7000 };
static struct cr_redis_slots slots;

static struct cr_bytes bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

/* An answer as it goes over the wire. */
static redisReply *answer(const char *wire)
{
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void slots_are_those_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        unsigned slot;
    } all[] = {
        { "123456789", 0x31c3 },
        { "", 0 },
        { "foo", 12182 },
        { "bar", 5061 },
        { "{user1000}.following", 3443 },
        { "{user1000}.followers", 3443 },
        { "user1000", 3443 },
        { "foo{{bar}}zap", 4015 },  /* the tag is {bar */
        { "{bar", 4015 },           /* no end: the whole key */
        { "foo{bar}{zap}", 5061 },  /* the first tag */
        { "foo{}{bar}", 8363 },     /* an empty tag is none */
    };
    assert_int_equal(cr_redis_crc16(bytes("123456789")), 0x31c3);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(cr_redis_slot(bytes(all[i].key)), all[i].slot);
    }
}

/* Every script's keys are in one slot, whatever the device is called. */
static void keys_of_a_device_share_a_slot(void **state)
{
    (void)state;
    static const char *const devices[] = { "meter-17", "a", "{x}", "}{", "m{b1}", "{}" };
    const struct cr_records records = { "cr", 64 };
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct cr_device_keys keys;
        assert_int_equal(cr_records_keys(&keys, &records, devices[i], "operational"), CR_OK);
        unsigned slot = cr_redis_slot(bytes(keys.device.text));
        assert_int_equal(cr_redis_slot(bytes(keys.agenda.text)), slot);
        assert_int_equal(cr_redis_slot(bytes(keys.expiry.text)), slot);
        assert_int_equal(cr_redis_slot(bytes(keys.cert.text)), slot);
    }
}

/* ---- the map ---- */

#define NODE(NAME, PORT) "*3\r\n" NAME ":" PORT "\r\n$2\r\nid\r\n"
#define LOCAL "$9\r\n127.0.0.1\r\n"
#define RANGE(FIRST, LAST, NODE) "*3\r\n:" FIRST "\r\n:" LAST "\r\n" NODE

static cr_err map(const char *wire)
{
    redisReply *reply = answer(wire);
    cr_err err = cr_redis_slots_read(&slots, reply, &asked);
    freeReplyObject(reply);
    return err;
}

static void map_of_slots_is_read(void **state)
{
    (void)state;
    assert_int_equal(map("*3\r\n" RANGE("8192", "16383", NODE(LOCAL, "7002"))
                         "*4\r\n:0\r\n:99\r\n" NODE(LOCAL, "7001") NODE(LOCAL, "7009") /* and a replica */
                         RANGE("100", "8191", NODE(LOCAL, "7002"))), CR_OK);
    assert_int_equal(slots.count, 2);
    assert_int_equal(slots.node[slots.owner[0]].port, 7001);
    assert_int_equal(slots.node[slots.owner[99]].port, 7001);
    assert_int_equal(slots.node[slots.owner[100]].port, 7002);
    assert_int_equal(slots.node[slots.owner[16383]].port, 7002);
    assert_string_equal(slots.node[slots.owner[0]].name, "127.0.0.1");
    /* a node that does not know its own name is where it was asked */
    assert_int_equal(map("*1\r\n" RANGE("0", "16383", NODE("$0\r\n\r\n", "7002"))), CR_OK);
    assert_string_equal(slots.node[0].name, "seed.example");
    assert_int_equal(map("*1\r\n" RANGE("0", "16383", NODE("$-1\r\n", "7002"))), CR_OK);
    assert_string_equal(slots.node[0].name, "seed.example");
}

static void hostile_91_other_maps_are_refused(void **state)
{
    (void)state;
    static const char *const absurd[] = {
        ":1\r\n", "$-1\r\n", "$2\r\nno\r\n", "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n*2\r\n:0\r\n:16383\r\n",
        "-ERR This instance has cluster support disabled\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n:3\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:16383\r\n*1\r\n" LOCAL,
        "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" LOCAL "$4\r\n7000\r\n",
        "*1\r\n*3\r\n:0\r\n$5\r\n16383\r\n" NODE(LOCAL, "7000"),
        "*1\r\n" RANGE("0", "16384", NODE(LOCAL, "7000")),
        "*1\r\n" RANGE("-1", "16383", NODE(LOCAL, "7000")),
        "*1\r\n" RANGE("9", "8", NODE(LOCAL, "7000")),
        "*1\r\n" RANGE("0", "9223372036854775807", NODE(LOCAL, "7000")),
        "*1\r\n" RANGE("0", "16383", NODE(LOCAL, "0")),
        "*1\r\n" RANGE("0", "16383", NODE(LOCAL, "65536")),
        "*1\r\n" RANGE("0", "16383", NODE("$1\r\n?\r\n", "7000")),
        "*1\r\n" RANGE("0", "16383", NODE(":1\r\n", "7000")),
    };
    for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
        assert_int_equal(map(absurd[i]), CR_INVALID);
    }
    assert_int_equal(map("*0\r\n"), CR_UNAVAILABLE);
    assert_int_equal(map("*1\r\n" RANGE("1", "16383", NODE(LOCAL, "7000"))), CR_UNAVAILABLE);
    char name[400], wire[600];
    memset(name, 'a', sizeof name);
    (void)snprintf(wire, sizeof wire, "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$300\r\n%.300s\r\n:7000\r\n", name);
    assert_int_equal(map(wire), CR_INVALID);
    redisReply *nul = answer("*1\r\n" RANGE("0", "16383", NODE(LOCAL, "7000")));
    nul->element[0]->element[2]->element[0]->str[3] = '\0';
    assert_int_equal(cr_redis_slots_read(&slots, nul, &asked), CR_INVALID);
    freeReplyObject(nul);
}

/* More primaries than we would connect to. */
static void map_of_slots_is_bounded(void **state)
{
    (void)state;
    for (unsigned nodes = CR_REDIS_NODES; nodes <= CR_REDIS_NODES + 1; nodes++) {
        char wire[8000];
        int len = snprintf(wire, sizeof wire, "*%u\r\n", nodes);
        for (unsigned i = 0; i < nodes; i++) {
            unsigned last = i + 1 < nodes ? i : CR_REDIS_SLOTS - 1;
            len += snprintf(wire + len, sizeof wire - (size_t)len, "*3\r\n:%u\r\n:%u\r\n*2\r\n" LOCAL ":%u\r\n", i,
                            last, 7000 + i);
        }
        assert_int_equal(map(wire), nodes > CR_REDIS_NODES ? CR_FULL : CR_OK);
    }
}

/* ---- redirections ---- */

static void redirections_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        enum cr_redis_redirect redirect;
        unsigned slot, port;
        const char *name;
    } all[] = {
        { "MOVED 3999 127.0.0.1:6381", CR_REDIRECT_MOVED, 3999, 6381, "127.0.0.1" },
        { "ASK 16383 host.example:1", CR_REDIRECT_ASK, 16383, 1, "host.example" },
        { "MOVED 0 ::1:7000", CR_REDIRECT_MOVED, 0, 7000, "::1" },
        { "MOVED 0 :7000", CR_REDIRECT_MOVED, 0, 7000, "seed.example" },
        { "TRYAGAIN Multiple keys request during rehashing of slot", CR_REDIRECT_LATER, 0, 0, NULL },
        { "CLUSTERDOWN The cluster is down", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED", CR_REDIRECT_NONE, 0, 0, NULL },
        { "MOVED ", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 3999", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 16384 127.0.0.1:6381", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 99999999999 127.0.0.1:6381", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED -1 127.0.0.1:6381", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 1 127.0.0.1", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 1 127.0.0.1:", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 1 127.0.0.1:0", CR_REDIRECT_LATER, 0, 0, NULL },
        { "MOVED 1 127.0.0.1:65536", CR_REDIRECT_LATER, 0, 0, NULL },
        { "ASK 1 127.0.0.1:7x", CR_REDIRECT_LATER, 0, 0, NULL },
        { "ASK 1 ?:7000", CR_REDIRECT_LATER, 0, 0, NULL },
        { "WRONGTYPE Operation", CR_REDIRECT_NONE, 0, 0, NULL },
        { "", CR_REDIRECT_NONE, 0, 0, NULL },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct cr_redis_host to = { "", 0 };
        unsigned slot = 0;
        assert_int_equal(cr_redis_redirect_read(&to, &slot, bytes(all[i].error), &asked), all[i].redirect);
        if (all[i].name != NULL) {
            assert_int_equal(slot, all[i].slot);
            assert_int_equal(to.port, all[i].port);
            assert_string_equal(to.name, all[i].name);
        }
    }
    char error[400] = "MOVED 1 ";
    memset(error + 8, 'a', 300);
    memcpy(error + 308, ":7000", 6);
    struct cr_redis_host to;
    unsigned slot;
    assert_int_equal(cr_redis_redirect_read(&to, &slot, bytes(error), &asked), CR_REDIRECT_LATER);
}

/* ---- Sentinel ---- */

static cr_err primary(struct cr_redis_host *host, const char *wire)
{
    redisReply *reply = answer(wire);
    cr_err err = cr_redis_sentinel_read(host, reply);
    freeReplyObject(reply);
    return err;
}

static void sentinel_names_a_primary(void **state)
{
    (void)state;
    struct cr_redis_host host;
    assert_int_equal(primary(&host, "*2\r\n" LOCAL "$4\r\n6380\r\n"), CR_OK);
    assert_string_equal(host.name, "127.0.0.1");
    assert_int_equal(host.port, 6380);
    assert_int_equal(primary(&host, "*-1\r\n"), CR_NOT_FOUND);
    assert_int_equal(primary(&host, "$-1\r\n"), CR_NOT_FOUND);
    static const char *const absurd[] = {
        ":1\r\n", "+OK\r\n", "-NOAUTH Authentication required.\r\n", "*1\r\n" LOCAL,
        "*3\r\n" LOCAL "$4\r\n6380\r\n$0\r\n\r\n", "*2\r\n" LOCAL ":6380\r\n", "*2\r\n$0\r\n\r\n$4\r\n6380\r\n",
        "*2\r\n" LOCAL "$0\r\n\r\n", "*2\r\n" LOCAL "$1\r\n0\r\n", "*2\r\n" LOCAL "$5\r\n65536\r\n",
        "*2\r\n" LOCAL "$6\r\n006380\r\n", "*2\r\n" LOCAL "$4\r\n-638\r\n", "*2\r\n" LOCAL "*0\r\n",
    };
    for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
        assert_int_equal(primary(&host, absurd[i]), CR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_the_specification),
        cmocka_unit_test(keys_of_a_device_share_a_slot),
        cmocka_unit_test(map_of_slots_is_read),
        cmocka_unit_test(hostile_91_other_maps_are_refused),
        cmocka_unit_test(map_of_slots_is_bounded),
        cmocka_unit_test(redirections_are_read),
        cmocka_unit_test(sentinel_names_a_primary),
    };
    return cmocka_run_group_tests_name("redis slots", tests, NULL, NULL);
}
