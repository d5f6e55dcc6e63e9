#define OPENSSL_SUPPRESS_DEPRECATED
#include "late_engine.h"

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/async.h>
#include <openssl/engine.h>
#include <openssl/rsa.h>

/* On the stack of the job that waits for it: gone as soon as `done` is seen. */
struct request {
	struct request *next;
	int (*operation)(int, const unsigned char *, unsigned char *, RSA *, int);
	const unsigned char *from;
	unsigned char *to;
	int n, padding;
	RSA *key;
	int result;
	_Atomic bool done;
	ASYNC_callback_fn callback;
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct request *head, **tail = &head;
static unsigned queued, done;
static bool held;

static int
execute(struct request *q)
{
	return q->operation(q->n, q->from, q->to, q->key, q->padding);
}

static void *
device(void *unused)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		while (!head || held)
			pthread_cond_wait(&changed, &lock);
		struct request *q = head;
		head = q->next;
		if (!head)
			tail = &head;
		queued--;
		done++;
		pthread_mutex_unlock(&lock);
		q->result = execute(q);
		ASYNC_callback_fn callback = q->callback;
		void *arg = q->arg;
		atomic_store(&q->done, true);
		callback(arg);
	}
	return unused;
}

static int
submit(struct request *q)
{
	ASYNC_JOB *job = ASYNC_get_current_job();
	if (!job || !ASYNC_WAIT_CTX_get_callback(ASYNC_get_wait_ctx(job), &q->callback, &q->arg) || !q->callback)
		return execute(q);
	pthread_mutex_lock(&lock);
	*tail = q;
	tail = &q->next;
	queued++;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	do
		ASYNC_pause_job();
	while (!atomic_load(&q->done));
	return q->result;
}

static int
encrypt(int n, const unsigned char *from, unsigned char *to, RSA *key, int padding)
{
	return submit(&(struct request){.operation = RSA_meth_get_priv_enc(RSA_PKCS1_OpenSSL()),
					.n = n,
					.from = from,
					.to = to,
					.key = key,
					.padding = padding});
}

static int
decrypt(int n, const unsigned char *from, unsigned char *to, RSA *key, int padding)
{
	return submit(&(struct request){.operation = RSA_meth_get_priv_dec(RSA_PKCS1_OpenSSL()),
					.n = n,
					.from = from,
					.to = to,
					.key = key,
					.padding = padding});
}

static int
start(ENGINE *e)
{
	static bool started;
	pthread_t thread;
	(void)e;
	if (!started && !pthread_create(&thread, NULL, device, NULL))
		started = !pthread_detach(thread);
	return started;
}

bool
late_engine_add(void)
{
	ENGINE *e = ENGINE_new();
	RSA_METHOD *rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	RSA_meth_set_priv_enc(rsa, encrypt);
	RSA_meth_set_priv_dec(rsa, decrypt);
	return ENGINE_set_id(e, "late") && ENGINE_set_name(e, "done later") && ENGINE_set_RSA(e, rsa) &&
	       ENGINE_set_init_function(e, start) && ENGINE_add(e) && ENGINE_free(e);
}

void
late_engine_remove(void)
{
	ENGINE *e = ENGINE_by_id("late");
	RSA_METHOD *rsa = (RSA_METHOD *)(uintptr_t)ENGINE_get_RSA(e);
	ENGINE_unregister_RSA(e);
	ENGINE_remove(e);
	ENGINE_finish(e);
	ENGINE_free(e);
	RSA_meth_free(rsa);
}

static void
hold(bool yes)
{
	pthread_mutex_lock(&lock);
	held = yes;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

void
late_hold(void)
{
	hold(true);
}

void
late_release(void)
{
	hold(false);
}

unsigned
late_queued(void)
{
	pthread_mutex_lock(&lock);
	unsigned n = queued;
	pthread_mutex_unlock(&lock);
	return n;
}

unsigned
late_done(void)
{
	pthread_mutex_lock(&lock);
	unsigned n = done;
	pthread_mutex_unlock(&lock);
	return n;
}
