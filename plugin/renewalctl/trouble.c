#include "plugin/renewalctl/trouble.h"

#include <stdio.h>
#include <string.h>

/* What the library logs before a TLS error, and what it means to the person who typed the command. */
static const struct {
    const char *logged, *meaning;
} meanings[] = {
    { "host name verification failed", "the broker's certificate is not for this name; use one that it has with -h" },
    { "certificate verify failed", "the broker's certificate is not from a CA that --cafile or --capath has, or expired" },
    { "wrong version number", "the broker speaks no TLS on this port; see -p, or leave the TLS options out" },
    { "Unable to load CA certificates", "the certificates of --cafile or --capath cannot be used" },
    { "Unable to load client certificate", "the certificate of --cert cannot be used" },
    { "key values mismatch", "--key is not the key of --cert" },
    { "Unable to load client key", "the private key of --key cannot be used" },
    { "certificate/key are inconsistent", "--key is not the key of --cert" },
};

static const char *meaning_of(const char *log)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (strstr(log, meanings[i].logged) != NULL) {
            return meanings[i].meaning;
        }
    }
    return NULL;
}

/* The broker has gone before it said anything in MQTT. */
static const char *closed_text(const struct ctl_options *options)
{
    if (!ctl_options_tls(options)) {
        return "the broker closed it; if it expects TLS on this port, give --cafile";
    }
    if (options->cert[0] == '\0') {
        return "the broker ended TLS; if it asks for a client certificate, give --cert and --key";
    }
    return "the broker ended TLS; it may not trust --cert, or that has expired: its log says why";
}

/* OpenSSL's own words, the last part of "error:0A000086:SSL routines::certificate verify failed". "": none. */
static void openssl_words(char words[100], const char *log)
{
    const char *line = strstr(log, "OpenSSL Error");
    const char *end = line != NULL ? strchr(line, '\n') : NULL;
    const char *start = end;
    while (start != NULL && start > line && start[-1] != ':') {
        start--;
    }
    (void)snprintf(words, 100, "%.*s", start != NULL ? (int)(end - start) : 0, start != NULL ? start : "");
}

/* The library ends some of its texts with a full stop, and others not. */
static int text_len(const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && text[len - 1] == '.') {
        len--;
    }
    return len < 100 ? (int)len : 100;
}

void ctl_trouble_text(char why[CTL_WHY_CAP], const struct ctl_trouble *trouble)
{
    const char *host = trouble->options->host;
    const char *meaning = meaning_of(trouble->log);
    char words[100];
    openssl_words(words, trouble->log);
    if (trouble->connected) {
        int len = text_len(trouble->problem);
        (void)snprintf(why, CTL_WHY_CAP, "the connection to %.80s:%d was lost%s%.*s", host, trouble->port,
                       len > 0 ? ": " : "", len, trouble->problem);
        return;
    }
    bool refused = trouble->closed || trouble->problem[0] == '\0' || strstr(words, "alert") != NULL /* TLS' word for no */
                   || strstr(words, "reset by peer") != NULL || strstr(words, "unexpected eof") != NULL;
    if (meaning == NULL && refused) {
        meaning = closed_text(trouble->options);
    }
    if (meaning != NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "no connection to %.80s:%d: %s", host, trouble->port, meaning);
    } else if (words[0] != '\0') {
        (void)snprintf(why, CTL_WHY_CAP, "no connection to %.80s:%d: TLS: %s", host, trouble->port, words);
    } else {
        (void)snprintf(why, CTL_WHY_CAP, "no connection to %.80s:%d: %.*s; see -h and -p", host, trouble->port,
                       text_len(trouble->problem), trouble->problem);
    }
}
