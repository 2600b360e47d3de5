/* renewalctl without a connection: the sentence says what to look at, and names the file that cannot be used. */
#include "plugin/renewalctl/files.h"
#include "plugin/renewalctl/trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct ctl_options options;
static char why[CTL_WHY_CAP];

static int start(void **state)
{
    (void)state;
    ctl_options_init(&options);
    memset(why, 0, sizeof why);
    return 0;
}

static void text_of(bool connected, bool closed, const char *problem, const char *log)
{
    struct ctl_trouble trouble = { &options, 8883, connected, closed, problem, log };
    ctl_trouble_text(why, &trouble);
}

static void what_the_other_side_did(void **state)
{
    (void)state;
    text_of(false, true, "", "");
    assert_string_equal(why, "no connection to localhost:8883: the broker closed it; if it expects TLS on this port, give "
                             "--cafile");
    text_of(false, false, "Connection refused", "");
    assert_string_equal(why, "no connection to localhost:8883: Connection refused; see -h and -p");
    text_of(false, false, "Lookup error.", "");
    assert_string_equal(why, "no connection to localhost:8883: Lookup error; see -h and -p");
    text_of(true, true, "", ""); /* said once, whatever the library's own text is */
    assert_string_equal(why, "the connection to localhost:8883 was lost");
    text_of(true, false, "Out of memory.", "");
    assert_string_equal(why, "the connection to localhost:8883 was lost: Out of memory");

    assert_int_equal(cr_text_copy(options.cafile, sizeof options.cafile, "ca.pem"), CR_OK);
    text_of(false, true, "", "");
    assert_non_null(strstr(why, "give --cert and --key"));
    assert_int_equal(cr_text_copy(options.cert, sizeof options.cert, "me.pem"), CR_OK);
    text_of(false, true, "", "");
    assert_non_null(strstr(why, "may not trust --cert"));
    text_of(false, false, "A TLS error occurred.",
            "OpenSSL Error[0]: error:0A00045C:SSL routines::tlsv13 alert certificate required\n");
    assert_non_null(strstr(why, "may not trust --cert"));
}

static void what_tls_logged(void **state)
{
    static const struct { const char *log, *part; } cases[] = {
        { "Error: host name verification failed.\nOpenSSL Error[0]: error:0A000086:SSL routines::certificate verify "
          "failed\n", "not for this name" },
        { "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed\n", "not from a CA that --cafile" },
        { "OpenSSL Error[0]: error:0A00010B:SSL routines::wrong version number\n", "no TLS on this port" },
        { "Error: Unable to load client key file \"k\".\nOpenSSL Error[0]: error:05800074:x509 certificate routines::key "
          "values mismatch\n", "--key is not the key of --cert" },
        { "Error: Unable to load client key file \"k\".\nOpenSSL Error[0]: error:1E08010C:DECODER routines::unsupported\n",
          "private key of --key cannot be used" },
        { "OpenSSL Error[0]: error:0A000102:SSL routines::unsupported protocol\n", ": TLS: unsupported protocol" },
        { "OpenSSL Error[0]", "A TLS error occurred; see" }, /* cut off */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text_of(false, false, "A TLS error occurred.", cases[i].log);
        if (strstr(why, cases[i].part) == NULL) {
            fail_msg("expected %s in %s", cases[i].part, why);
        }
    }
}

static void long_names_fit(void **state)
{
    (void)state;
    memset(options.host, 'h', sizeof options.host - 1);
    memset(options.cafile, 'f', sizeof options.cafile - 1);
    text_of(false, true, "", "OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed\n");
    assert_true(strlen(why) < CTL_WHY_CAP - 1);
    assert_int_equal(ctl_files_check(&options, why), CR_UNAVAILABLE);
    assert_non_null(strstr(why, "File name too long"));
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The check of one option's file. */
static void expect_file(char field[CTL_TEXT_CAP], const char *path, const char *said)
{
    assert_int_equal(cr_text_copy(field, CTL_TEXT_CAP, path), CR_OK);
    why[0] = '\0';
    assert_int_equal(ctl_files_check(&options, why), said[0] != '\0' ? CR_UNAVAILABLE : CR_OK);
    assert_string_equal(why, said);
    field[0] = '\0';
}

static void files_are_named(void **state)
{
    static const char cert[] = "Subject: x\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    char dir[] = "/tmp/cr-test-files-XXXXXX", path[64], said[200];
    (void)state;
    assert_int_equal(ctl_files_check(&options, why), CR_OK); /* none is needed */
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/f", dir);

    expect_file(options.cafile, "/nonexistent/ca", "--cafile /nonexistent/ca cannot be read: No such file or directory");
    expect_file(options.cert, "/nonexistent/c", "--cert /nonexistent/c cannot be read: No such file or directory");
    expect_file(options.key, "/nonexistent/k", "--key /nonexistent/k cannot be read: No such file or directory");
    expect_file(options.capath, "/nonexistent/d", "--capath /nonexistent/d cannot be read: No such file or directory");
    (void)snprintf(said, sizeof said, "--cafile %s cannot be read: Is a directory", dir);
    expect_file(options.cafile, dir, said);
    expect_file(options.capath, dir, "");

    write_file(path, cert);
    expect_file(options.cafile, path, "");
    expect_file(options.cert, path, "");
    (void)snprintf(said, sizeof said, "--key %s holds no private key in PEM", path);
    expect_file(options.key, path, said);
    write_file(path, "-----BEGIN EC PRIVATE KEY-----\n");
    expect_file(options.key, path, "");
    (void)snprintf(said, sizeof said, "--cert %s holds no certificate in PEM", path);
    expect_file(options.cert, path, said);
    write_file(path, "");
    (void)snprintf(said, sizeof said, "--cafile %s holds no certificate in PEM", path);
    expect_file(options.cafile, path, said);
    if (geteuid() != 0) { /* root may read all */
        assert_int_equal(chmod(path, 0), 0);
        (void)snprintf(said, sizeof said, "--key %s cannot be read: Permission denied", path);
        expect_file(options.key, path, said);
    }
    (void)unlink(path);
    (void)rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_the_other_side_did, start),
        cmocka_unit_test_setup(what_tls_logged, start),
        cmocka_unit_test_setup(long_names_fit, start),
        cmocka_unit_test_setup(files_are_named, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
