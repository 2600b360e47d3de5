#include "plugin/store/redis_address.h"
#include "plugin/store/redis_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct cr_bytes bytes(const char *text)
{
    return (struct cr_bytes){ (const uint8_t *)text, strlen(text) };
}

static void hostile_90_errors_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        enum cr_redis_trouble trouble;
    } all[] = {
        { "READONLY You can't write against a read only replica.", CR_TROUBLE_ELSEWHERE },
        { "LOADING Redis is loading the dataset in memory", CR_TROUBLE_ELSEWHERE },
        { "MASTERDOWN Link with MASTER is down", CR_TROUBLE_ELSEWHERE },
        { "OOM command not allowed when used memory > 'maxmemory'.", CR_TROUBLE_WRITES },
        { "MISCONF Errors writing to the AOF file: No space left on device", CR_TROUBLE_WRITES },
        { "NOREPLICAS Not enough good replicas to write.", CR_TROUBLE_WRITES },
        { "BUSY Redis is busy running a script.", CR_TROUBLE_LATER },
        { "NOAUTH Authentication required.", CR_TROUBLE_ACCESS },
        { "WRONGPASS invalid username-password pair or user is disabled.", CR_TROUBLE_ACCESS },
        { "NOPERM this user has no permissions to run the 'evalsha' command", CR_TROUBLE_ACCESS },
        { "NOSCRIPT No matching script. Please use EVAL.", CR_TROUBLE_SCRIPTS },
        { "WRONGTYPE Operation against a key holding the wrong kind of value", CR_TROUBLE_RECORD },
        { "WRONGTYPE Operation against a key … script: ab, on @user_script:3.", CR_TROUBLE_RECORD },
        { "ERR Error running script (call to f_ab): @user_script:9: -OOM command not allowed", CR_TROUBLE_WRITES },
        { "ERR Error running script (call to f_ab): @user_script:9: READONLY You can't write", CR_TROUBLE_ELSEWHERE },
        { "ERR user_script:27: CORRUPT operational:gen", CR_TROUBLE_RECORD },
        { "BUSYKEY Target key name already exists.", CR_TROUBLE_RECORD },
        { "", CR_TROUBLE_RECORD },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(cr_redis_trouble(bytes(all[i].error)), all[i].trouble);
    }
}

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        unsigned port, db;
        bool unix_socket, tls;
    } good[] = {
        { "/run/redis.sock", "/run/redis.sock", 6379, 0, true, false },
        { "unix:/run/redis.sock", "/run/redis.sock", 6379, 0, true, false },
        { "127.0.0.1:6380", "127.0.0.1", 6380, 0, false, false },
        { "[::1]:6380", "::1", 6380, 0, false, false },
        { "redis://host", "host", 6379, 0, false, false },
        { "redis://host/", "host", 6379, 0, false, false },
        { "redis://host:1/12", "host", 1, 12, false, false },
        { "rediss://[fe80::1]:7000/3", "fe80::1", 7000, 3, false, true },
    };
    static const char *const bad[] = {
        "",   "host",     "host:",      "host:0",           "host:65536",        "host:1x", "host:1/2",
        ":1", "redis://", "redis://:1", "redis://host:1/x", "redis://user@host", "[::1:1",  "http://host:80"
    };
    struct cr_redis_address address;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cr_redis_address_parse(&address, good[i].text), CR_OK);
        assert_string_equal(address.host, good[i].host);
        assert_int_equal(address.port, good[i].port);
        assert_int_equal(address.db, good[i].db);
        assert_int_equal(address.unix_socket, good[i].unix_socket);
        assert_int_equal(address.tls, good[i].tls);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cr_redis_address_parse(&address, bad[i]), CR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_90_errors_are_told_apart),
        cmocka_unit_test(addresses_are_read),
    };
    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
