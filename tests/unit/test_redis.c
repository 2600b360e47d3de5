#include "plugin/store/redis_address.h"
#include "plugin/store/redis_error.h"
#include "plugin/value.h"

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

static void addresses_of_servers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        unsigned port, db;
        bool unix_socket, tls;
    } good[] = {
        { "/run/redis.sock", "/run/redis.sock", 0, 0, true, false },
        { "unix:/run/redis.sock", "/run/redis.sock", 0, 0, true, false },
        { "127.0.0.1:6380", "127.0.0.1", 6380, 0, false, false },
        { "[::1]:6380", "::1", 6380, 0, false, false },
        { "redis://host", "host", 6379, 0, false, false },
        { "redis://host/", "host", 6379, 0, false, false },
        { "redis://host:1/12", "host", 1, 12, false, false },
        { "rediss://[fe80::1]:7000/3", "fe80::1", 7000, 3, false, true },
    };
    struct cr_redis_address address;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cr_redis_address_parse(&address, good[i].text), CR_OK);
        assert_int_equal(address.kind, CR_REDIS_SERVER);
        assert_int_equal(address.count, 1);
        assert_string_equal(address.host[0].name, good[i].host);
        assert_int_equal(address.host[0].port, good[i].port);
        assert_int_equal(address.db, good[i].db);
        assert_int_equal(address.unix_socket, good[i].unix_socket);
        assert_int_equal(address.tls, good[i].tls);
    }
}

static void addresses_of_many_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum cr_redis_kind kind;
        unsigned count, first_port, last_port, db;
        const char *last, *service;
        bool tls;
    } good[] = {
        { "redis-sentinel://a/mymaster", CR_REDIS_SENTINEL, 1, 26379, 26379, 0, "a", "mymaster", false },
        { "redis-sentinel://a:1,b,[::1]:3/cert-1.x_y/7", CR_REDIS_SENTINEL, 3, 1, 3, 7, "::1", "cert-1.x_y", false },
        { "rediss-sentinel://a,b:2/m/", CR_REDIS_SENTINEL, 2, 26379, 2, 0, "b", "m", true },
        { "redis-cluster://a", CR_REDIS_CLUSTER, 1, 6379, 6379, 0, "a", "", false },
        { "redis-cluster://a:7000,b:7001/", CR_REDIS_CLUSTER, 2, 7000, 7001, 0, "b", "", false },
        { "rediss-cluster://a:7000", CR_REDIS_CLUSTER, 1, 7000, 7000, 0, "a", "", true },
    };
    struct cr_redis_address address;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cr_redis_address_parse(&address, good[i].text), CR_OK);
        assert_int_equal(address.kind, good[i].kind);
        assert_int_equal(address.count, good[i].count);
        assert_int_equal(address.host[0].port, good[i].first_port);
        assert_int_equal(address.host[address.count - 1].port, good[i].last_port);
        assert_string_equal(address.host[address.count - 1].name, good[i].last);
        assert_string_equal(address.service, good[i].service);
        assert_int_equal(address.db, good[i].db);
        assert_int_equal(address.tls, good[i].tls);
    }
}

static void other_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "host", "host:", "host:0", "host:65536", "host:1x", "host:1/2", ":1", "host:1,host:2",
        "redis://", "redis://:1", "redis://host:1/x", "redis://user@host", "[::1:1", "http://host:80",
        "redis://a,b", "redis-sentinel://", "redis-sentinel://a", "redis-sentinel://a/", "redis-sentinel://a//1",
        "redis-sentinel://a,/m", "redis-sentinel://,a/m", "redis-sentinel://a:0/m", "redis-sentinel://a:70000/m",
        "redis-sentinel://a/m/x", "redis-sentinel://a/m/1/2", "redis-sentinel://a/m m", "redis-sentinel://u@a/m",
        "redis-sentinel://a/0123456789012345678901234567890123456789012345678901234567890123456789",
        "redis-cluster://", "redis-cluster://a/1", "redis-cluster://a,", "redis-cluster://a:1:2",
        "redis-cluster:a", "redis-cluster:///a", "redis-clusters://a",
        "redis-cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", /* 17 */
    };
    struct cr_redis_address address;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cr_redis_address_parse(&address, bad[i]), CR_INVALID);
    }
    assert_int_equal(cr_redis_address_parse(&address, "redis-cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"), CR_OK);
    assert_int_equal(address.count, CR_REDIS_HOSTS);
}

/* What the configuration takes is what the link can read, and user and password are out of it. */
static void configuration_takes_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address, *user, *password;
    } good[] = {
        { "redis://joe:p%40ss@h:1/2", "redis://h:1/2", "joe", "p@ss" },
        { "redis-sentinel://h/main", "redis-sentinel://h/main", "", "" },
        { "redis-sentinel://joe:p%2Fw@h:1,[::1]:2,i/m-1/2", "redis-sentinel://h:1,[::1]:2,i/m-1/2", "joe", "p/w" },
        { "rediss-sentinel://:pw@h/m", "rediss-sentinel://h/m", "", "pw" },
        { "redis-cluster://h:7000,i:7001", "redis-cluster://h:7000,i:7001", "", "" },
        { "rediss-cluster://:secret@a,b:7000", "rediss-cluster://a,b:7000", "", "secret" },
    };
    static const char *const bad[] = {
        "redis://h,i", "h:1,i:2", "redis-sentinel://h:1,i", "redis-sentinel://h:1,/main", "redis-sentinel://h/main/1/2",
        "redis-sentinel://h/ma in", "redis-cluster://h/1", "redis-cluster://h:0", "redis-cluster://",
        "redis-sentinel://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q/main",
        "redis-sentinel://a/0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    char address[512], user[64], password[64];
    struct cr_redis_address read;
    struct cr_why why;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(
            cr_value_redis(address, sizeof address, user, password, sizeof user, good[i].text, &why), CR_OK);
        assert_string_equal(address, good[i].address);
        assert_string_equal(user, good[i].user);
        assert_string_equal(password, good[i].password);
        assert_int_equal(cr_redis_address_parse(&read, address), CR_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            cr_value_redis(address, sizeof address, user, password, sizeof user, bad[i], &why), CR_INVALID);
        assert_non_null(strstr(why.text, "must be"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_90_errors_are_told_apart),
        cmocka_unit_test(addresses_of_servers_are_read),
        cmocka_unit_test(addresses_of_many_are_read),
        cmocka_unit_test(other_addresses_are_refused),
        cmocka_unit_test(configuration_takes_the_same),
    };
    return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
