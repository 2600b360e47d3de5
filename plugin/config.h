/* config: the plugin's one configuration file, in mosquitto.conf's own `key value` style.
 *
 * Read whole: every mistake is reported at once with its line, and a file with any mistake gives no configuration.
 * Documented key by key in README.md of this folder; a test holds the table in config.c and that text together.
 * A cr_config is constant once read. */
#ifndef CR_CONFIG_H
#define CR_CONFIG_H

#include "common/bytes.h"
#include "common/profile.h"
#include "common/topic.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CR_PATH_CAP = 512,
    CR_SLOTS_MAX = 8,
    CR_PRINCIPALS_MAX = 32,
    CR_TRUSTED_MAX = 16,
    CR_ISSUERS_MAX = 8,
    CR_FACTORIES_MAX = 8,
    CR_FACTORY_NAME_MAX = 32,
    CR_PRINCIPAL_CAP = 129,
    CR_CONFIG_LINES_MAX = 2000,
};

enum cr_role { CR_ROLE_NONE, CR_ROLE_VIEWER, CR_ROLE_ADMIN };

/* Who may use the operator channel. */
struct cr_principal {
    enum cr_role role;
    bool by_username;              /* else by certificate identity */
    char name[CR_PRINCIPAL_CAP];
};

/* One that signs, or did: keys that begin with issuer_. */
struct cr_config_issuer {
    char certfile[CR_PATH_CAP];          /* the issuing certificate, then its chain; PEM */
    char keyfile[CR_PATH_CAP];
    char passphrase_file[CR_PATH_CAP];   /* "": not encrypted; "credential:NAME": systemd's */
    int64_t sign_from;                   /* from then on it signs, Unix seconds; 0: from the beginning */
    unsigned given;                      /* which keys were */
    unsigned line;                       /* where it begins */
};

/* Where the id of a device stands in its factory certificate. */
enum cr_factory_identity {
    CR_FACTORY_CN,
    CR_FACTORY_SERIAL_NUMBER, /* the subject's serialNumber attribute (2.5.4.5), as IEEE 802.1AR has it */
    CR_FACTORY_SAN_DNS,       /* the only dNSName */
    CR_FACTORY_SAN_URI,       /* the only uniformResourceIdentifier: what follows its last ':' or '/' */
};
enum cr_factory_enroll { CR_ENROLL_LIST, CR_ENROLL_ANY };
enum cr_factory_reenroll {
    CR_REENROLL_NEVER,   /* only when an operator allowed it (enrollDevice) */
    CR_REENROLL_EXPIRED, /* when its certificate has ended, or its issuer is not trusted any more */
    CR_REENROLL_ALWAYS,  /* also when it says that it lost it */
};

/* Whose certificates let devices in: keys that begin with factory_. */
struct cr_config_factory {
    char cafile[CR_PATH_CAP];
    char name[CR_NAME_CAP];              /* by default the file's name without its ending */
    enum cr_factory_identity identity;
    enum cr_factory_enroll enroll;
    enum cr_factory_reenroll reenroll;
    unsigned given;
    unsigned line;
};

struct cr_config {
    /* issuing */
    unsigned issuer_count;
    struct cr_config_issuer issuer[CR_ISSUERS_MAX];
    unsigned trusted_count;
    char trusted_cafile[CR_TRUSTED_MAX][CR_PATH_CAP]; /* further issuers whose devices are recognised */
    unsigned factory_count;
    struct cr_config_factory factory[CR_FACTORIES_MAX];
    bool enroll_tokens;                  /* devices without a certificate may come in with a token */
    char key_backend[16];                /* "libcrypto" or "mbedtls" */
    char weak_keys_file[CR_PATH_CAP];    /* keys that are refused; "": no list */
    /* revocation */
    char crl_file[CR_PATH_CAP];          /* every issuer's CRL, PEM, for the broker's crlfile; "": none is written */
    char crl_dir[CR_PATH_CAP];           /* <issuer>.crl for each issuer, DER; "": none is written */
    unsigned crl_include_count;
    char crl_include[CR_TRUSTED_MAX][CR_PATH_CAP]; /* CRLs of others, for crl_file */
    int64_t crl_lifetime_s, crl_refresh_s;         /* nextUpdate - thisUpdate; a new one at the latest so often */
    bool crl_publish;                    /* retained, on $SYS/broker/cert-renewal/crl/<issuer> */
    int64_t ocsp_lifetime_s;             /* nextUpdate - thisUpdate of an OCSP response */
    /* store */
    char redis[CR_PATH_CAP];             /* as store/redis_address.h reads it */
    char redis_username[CR_PRINCIPAL_CAP];
    char redis_password[CR_PRINCIPAL_CAP]; /* from redis_password_file or the URL; wiped when freed */
    char redis_cafile[CR_PATH_CAP];
    char redis_prefix[17];               /* "cr" */
    unsigned redis_timeout_ms;
    bool redis_require_durable;          /* refuse to issue when Redis' persistence is off; else warn */
    unsigned buckets;                    /* used at the first start only; Redis remembers it */
    char journal_dir[CR_PATH_CAP];
    int64_t journal_max_size;            /* bytes, beyond which a new file begins */
    char broker_name[CR_NAME_CAP];       /* unique among the brokers of one Redis */
    /* device channel */
    char topic_prefix[CR_TOPIC_PREFIX_MAX + 1];
    bool default_allow;                  /* outside our topics: allow instead of defer */
    unsigned rate_device_per_min, rate_device_burst; /* requests of one device */
    unsigned rate_total_per_s, rate_total_burst;     /* requests of all */
    unsigned retry_after_s;              /* told with 503 */
    int64_t renewal_deadline_s;          /* how long a trigger stays open */
    unsigned trigger_expiry_s;           /* MQTT message expiry of a trigger */
    /* lifecycle */
    unsigned trigger_rate_per_s;         /* renewals that begin by themselves, of the whole fleet */
    int64_t retry_first_s, retry_max_s;  /* between attempts: the first wait, doubled up to the longest */
    unsigned failures_alert;             /* after so many failures in a row that a device reported */
    int64_t wake_after_s;                /* without an answer: the first wake event … */
    int64_t wake_retry_s, wake_retry_max_s; /* … the next after the first of these, doubled up to the second … */
    int64_t field_after_s, field_before_s;  /* … and the field list, from the first wake, not earlier before notAfter */
    unsigned cutover_ask_s;              /* with its new certificate, but on its old connection: asked again … */
    unsigned cutover_close_s;            /* … and then the connection is closed, both from delivery */
    /* work */
    unsigned workers;
    unsigned max_in_flight;              /* jobs between the loop, the workers and the store */
    /* figures */
    unsigned figures_interval_s;         /* 0: none */
    char metrics_file[CR_PATH_CAP];      /* "": none */
    /* operators */
    unsigned principal_count;
    struct cr_principal principal[CR_PRINCIPALS_MAX];
    /* slots */
    unsigned slot_count;
    struct cr_profile slot[CR_SLOTS_MAX];
};

/* Called once per mistake, with the line (0: the file as a whole) and a sentence that says what to do. */
typedef void cr_config_complain_fn(void *ctx, unsigned line, const char *sentence);

/* Parses text. CR_INVALID after every mistake was reported; *config is then unspecified. */
CR_MUST_USE cr_err cr_config_parse(struct cr_config *config, struct cr_bytes text, cr_config_complain_fn *complain,
                                   void *ctx);
/* Reads and parses a file of at most 1 MiB. */
CR_MUST_USE cr_err cr_config_read(struct cr_config *config, const char *path, cr_config_complain_fn *complain,
                                  void *ctx);

/* Between the attempts of a renewal: the first wait, which is never shorter than a trigger can still be on its way, and the
 * longest. */
static inline int64_t cr_config_retry_first_s(const struct cr_config *config)
{
    return config->retry_first_s > (int64_t)config->trigger_expiry_s ? config->retry_first_s
                                                                      : (int64_t)config->trigger_expiry_s;
}
static inline int64_t cr_config_retry_max_s(const struct cr_config *config)
{
    int64_t first_s = cr_config_retry_first_s(config);
    return config->retry_max_s > first_s ? config->retry_max_s : first_s;
}

/* The slot's profile, NULL when none has that name. */
const struct cr_profile *cr_config_slot(const struct cr_config *config, const char *slot);
/* For how long after its notAfter a certificate may be of use to somebody: the longest accept_expired. */
int64_t cr_config_accept_expired_s(const struct cr_config *config);

#endif
