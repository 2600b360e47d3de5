/* broker_conf: finding per_listener_settings as the broker itself would. */
#include "plugin/host/broker_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/cr-test-conf-XXXXXX";

static const char *put(const char *name, const char *text)
{
    static char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return path;
}

static bool per_listener(const char *text)
{
    struct cr_broker_conf conf;
    assert_int_equal(cr_broker_conf_read(&conf, put("mosquitto.conf", text)), CR_OK);
    return conf.per_listener;
}

/* Who has no opinion about a login answers what leaves everything as it is without a plugin. */
static void test_login(void **state)
{
    (void)state;
    static const struct {
        enum cr_login_rule rule;
        const char *text;
    } rows[] = {
        { CR_LOGIN_RULE_ALLOW, "listener 8883\nallow_anonymous true\nplugin /x/mosquitto_cert_renewal.so\n" },
        { CR_LOGIN_RULE_ALLOW, "allow_anonymous false\nlistener 8883\nallow_anonymous  1 \nauth_plugin x.so" },
        { CR_LOGIN_RULE_ALLOW, "plugin x.so\n" }, /* without a listener it is open to this machine */
        { CR_LOGIN_RULE_DEFER, "plugin x.so\nlistener 8883\n" },
        { CR_LOGIN_RULE_DEFER, "plugin x.so\nport 8883\n" },
        { CR_LOGIN_RULE_DEFER, "plugin x.so\nlistener 8883\nallow_anonymous false\n" },
        { CR_LOGIN_RULE_DEFER, "plugin x.so\nlistener 8883\nallow_anonymous true\npassword_file /etc/p\n" },
        { CR_LOGIN_RULE_DEFER, "plugin x.so\nallow_anonymous true\nplugin /lib/mosquitto_dynamic_security.so\n" },
        { CR_LOGIN_RULE_ABSTAIN, "plugin x.so\nlistener 8883\nallow_anonymous true\nplugin /y/other.so\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cr_broker_conf conf;
        assert_int_equal(cr_broker_conf_read(&conf, put("mosquitto.conf", rows[i].text)), CR_OK);
        assert_int_equal(cr_broker_conf_login(&conf), rows[i].rule);
    }
}

static void test_the_file_itself(void **state)
{
    (void)state;
    assert_true(per_listener("per_listener_settings true\n"));
    assert_true(per_listener("# x\r\n  per_listener_settings   1  \r\n"));
    assert_true(per_listener("listener 1883\nper_listener_settings true"));
    assert_false(per_listener(""));
    assert_false(per_listener("per_listener_settings false\n"));
    assert_false(per_listener("#per_listener_settings true\n"));
    assert_false(per_listener("per_listener_settings_x true\nper_listener_settings\n"));
    assert_false(per_listener("per_listener_settings true\nper_listener_settings false\n"));
}

static void test_include_dir(void **state)
{
    (void)state;
    char sub[200], text[400];
    (void)snprintf(sub, sizeof sub, "%s/conf.d", dir);
    assert_int_equal(mkdir(sub, 0700), 0);
    (void)put("conf.d/a.conf", "listener 1883\n");
    (void)put("conf.d/ignored.txt", "per_listener_settings true\n");
    (void)snprintf(text, sizeof text, "include_dir %s\n", sub);
    assert_false(per_listener(text));
    (void)put("conf.d/b.conf", "per_listener_settings true\n");
    assert_true(per_listener(text));
    /* the broker does not follow include_dir any deeper */
    (void)put("conf.d/b.conf", "include_dir /nonexistent\n");
    assert_false(per_listener(text));
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    struct cr_broker_conf conf = { .per_listener = true, .anonymous = true };
    assert_int_equal(cr_broker_conf_read(&conf, "/nonexistent/mosquitto.conf"), CR_IO);
    assert_false(conf.per_listener);
    assert_false(conf.anonymous);
    assert_int_equal(cr_broker_conf_read(&conf, put("x.conf", "include_dir /nonexistent\n")), CR_IO);
    assert_int_equal(cr_broker_conf_check(&conf), CR_NOT_FOUND); /* this program was started without -c */
}

static void test_command_line(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        size_t len;
        const char *path;
    } rows[] = {
#define LINE(text) text, sizeof(text)
        { LINE("mosquitto\0-c\0/etc/m.conf"), "/etc/m.conf" },
        { LINE("mosquitto\0-v\0--config-file\0m.conf\0-d"), "m.conf" },
        { LINE("mosquitto\0-c\0a.conf\0-c\0b.conf"), "b.conf" },
        { LINE("mosquitto\0-d"), NULL },
        { LINE("mosquitto\0-c"), NULL },
        { LINE("-c\0x"), NULL }, /* the program's own name */
        { "mosquitto\0-c\0/cut/o", 19, NULL },
        { "", 0, NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[64];
        cr_err err = cr_broker_conf_path(path, sizeof path, rows[i].line, rows[i].len);
        assert_int_equal(err, rows[i].path != NULL ? CR_OK : CR_NOT_FOUND);
        assert_string_equal(path, rows[i].path != NULL ? rows[i].path : "");
    }
    char small[4];
    assert_int_equal(cr_broker_conf_path(small, sizeof small, LINE("m\0-c\0long.conf")), CR_FULL);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = { "mosquitto.conf", "x.conf", "conf.d/a.conf", "conf.d/b.conf",
                                         "conf.d/ignored.txt" };
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/conf.d", dir);
    (void)rmdir(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_itself),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_include_dir),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_command_line),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
