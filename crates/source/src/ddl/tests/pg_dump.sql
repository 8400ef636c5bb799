--
-- PostgreSQL database dump
--

\restrict abc

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: sales; Type: SCHEMA; Schema: -; Owner: me
--

CREATE SCHEMA sales;


ALTER SCHEMA sales OWNER TO me;

--
-- Name: email_text; Type: DOMAIN; Schema: public; Owner: me
--

CREATE DOMAIN public.email_text AS character varying(320);


ALTER DOMAIN public.email_text OWNER TO me;

--
-- Name: mood; Type: TYPE; Schema: public; Owner: me
--

CREATE TYPE public.mood AS ENUM (
    'sad',
    'it''s; ok',
    'glad'
);


ALTER TYPE public.mood OWNER TO me;

--
-- Name: pair; Type: TYPE; Schema: public; Owner: me
--

CREATE TYPE public.pair AS (
	a integer,
	b text
);


ALTER TYPE public.pair OWNER TO me;

--
-- Name: score; Type: DOMAIN; Schema: public; Owner: me
--

CREATE DOMAIN public.score AS numeric(5,2)
	CONSTRAINT score_check CHECK ((VALUE >= (0)::numeric));


ALTER DOMAIN public.score OWNER TO me;

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: me
--

CREATE FUNCTION public.f() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN ALTER TABLE changing ADD x text; RETURN NEW; END; $$;


ALTER FUNCTION public.f() OWNER TO me;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: changing; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.changing (
    id bigint NOT NULL,
    a numeric(10,4),
    c2 text,
    "D2" text,
    e bigint,
    f character varying(20) DEFAULT 'x'::character varying NOT NULL,
    g integer NOT NULL
);


ALTER TABLE public.changing OWNER TO me;

--
-- Name: COLUMN changing.a; Type: COMMENT; Schema: public; Owner: me
--

COMMENT ON COLUMN public.changing.a IS 'a; comment -- with ALTER TABLE changing DROP a';


--
-- Name: parent_of_child; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.parent_of_child (
    id bigint,
    name text
);


ALTER TABLE public.parent_of_child OWNER TO me;

--
-- Name: child; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.child (
    extra text
)
INHERITS (public.parent_of_child);


ALTER TABLE public.child OWNER TO me;

--
-- Name: everything; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.everything (
    id bigint NOT NULL,
    a1 smallint DEFAULT 1 NOT NULL,
    a2 integer,
    a3 integer NOT NULL,
    a4 bigint NOT NULL,
    a5 smallint NOT NULL,
    a6 bigint,
    f1 real,
    f2 double precision,
    f3 double precision,
    f4 real,
    f5 double precision,
    f6 real,
    f7 double precision,
    n1 numeric,
    n2 numeric(12,2),
    n3 numeric(9,0),
    n4 money,
    b1 boolean,
    b2 boolean,
    b3 bytea,
    b4 bit(1),
    b5 bit(8),
    b6 bit varying(8),
    b7 bit varying,
    t1 text COLLATE pg_catalog."C",
    t2 character varying(40),
    t3 character varying,
    t4 character(3),
    t5 character(2),
    t6 name,
    t7 "char",
    d1 date,
    d2 time without time zone,
    d3 time with time zone,
    d4 time with time zone,
    d5 timestamp without time zone,
    d6 timestamp(3) without time zone,
    d7 timestamp with time zone DEFAULT now(),
    d8 timestamp(6) with time zone,
    d9 interval,
    d10 interval day to second,
    u1 uuid DEFAULT gen_random_uuid(),
    j1 json,
    j2 jsonb DEFAULT '{}'::jsonb,
    x1 xml,
    i1 inet,
    i2 cidr,
    i3 macaddr,
    g1 point,
    g2 box,
    g3 polygon,
    r1 int4range,
    r2 tstzrange,
    v1 tsvector,
    v2 tsquery,
    l1 text[],
    l2 integer[],
    l3 numeric(12,2)[],
    l4 timestamp with time zone[],
    l5 public.mood[],
    l6 integer[],
    m1 public.mood,
    m2 public.mood DEFAULT 'sad'::public.mood,
    m3 public.pair,
    s1 public.score,
    s2 public.score,
    s3 public.email_text,
    "Quoted Name" text,
    "키" text,
    "이름" text,
    key text,
    index text,
    period integer,
    "primary" text,
    value text,
    full_name text GENERATED ALWAYS AS ((t1 || ' '::text)) STORED,
    identity_id integer NOT NULL,
    CONSTRAINT odd CHECK (((t1 ~* '^[a-z],;$'::text) AND (a1 = ANY (ARRAY[1, 2, 3]))))
)
WITH (fillfactor='70');


ALTER TABLE public.everything OWNER TO me;

--
-- Name: everything_a3_seq; Type: SEQUENCE; Schema: public; Owner: me
--

CREATE SEQUENCE public.everything_a3_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.everything_a3_seq OWNER TO me;

--
-- Name: everything_a3_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: me
--

ALTER SEQUENCE public.everything_a3_seq OWNED BY public.everything.a3;


--
-- Name: everything_a4_seq; Type: SEQUENCE; Schema: public; Owner: me
--

CREATE SEQUENCE public.everything_a4_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.everything_a4_seq OWNER TO me;

--
-- Name: everything_a4_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: me
--

ALTER SEQUENCE public.everything_a4_seq OWNED BY public.everything.a4;


--
-- Name: everything_a5_seq; Type: SEQUENCE; Schema: public; Owner: me
--

CREATE SEQUENCE public.everything_a5_seq
    AS smallint
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.everything_a5_seq OWNER TO me;

--
-- Name: everything_a5_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: me
--

ALTER SEQUENCE public.everything_a5_seq OWNED BY public.everything.a5;


--
-- Name: copy_of; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.copy_of (
    id bigint NOT NULL,
    a1 smallint DEFAULT 1 NOT NULL,
    a2 integer,
    a3 integer DEFAULT nextval('public.everything_a3_seq'::regclass) NOT NULL,
    a4 bigint DEFAULT nextval('public.everything_a4_seq'::regclass) NOT NULL,
    a5 smallint DEFAULT nextval('public.everything_a5_seq'::regclass) NOT NULL,
    a6 bigint,
    f1 real,
    f2 double precision,
    f3 double precision,
    f4 real,
    f5 double precision,
    f6 real,
    f7 double precision,
    n1 numeric,
    n2 numeric(12,2),
    n3 numeric(9,0),
    n4 money,
    b1 boolean,
    b2 boolean,
    b3 bytea,
    b4 bit(1),
    b5 bit(8),
    b6 bit varying(8),
    b7 bit varying,
    t1 text COLLATE pg_catalog."C",
    t2 character varying(40),
    t3 character varying,
    t4 character(3),
    t5 character(2),
    t6 name,
    t7 "char",
    d1 date,
    d2 time without time zone,
    d3 time with time zone,
    d4 time with time zone,
    d5 timestamp without time zone,
    d6 timestamp(3) without time zone,
    d7 timestamp with time zone DEFAULT now(),
    d8 timestamp(6) with time zone,
    d9 interval,
    d10 interval day to second,
    u1 uuid DEFAULT gen_random_uuid(),
    j1 json,
    j2 jsonb DEFAULT '{}'::jsonb,
    x1 xml,
    i1 inet,
    i2 cidr,
    i3 macaddr,
    g1 point,
    g2 box,
    g3 polygon,
    r1 int4range,
    r2 tstzrange,
    v1 tsvector,
    v2 tsquery,
    l1 text[],
    l2 integer[],
    l3 numeric(12,2)[],
    l4 timestamp with time zone[],
    l5 public.mood[],
    l6 integer[],
    m1 public.mood,
    m2 public.mood DEFAULT 'sad'::public.mood,
    m3 public.pair,
    s1 public.score,
    s2 public.score,
    s3 public.email_text,
    "Quoted Name" text,
    "키" text,
    "이름" text,
    key text,
    index text,
    period integer,
    "primary" text,
    value text,
    full_name text GENERATED ALWAYS AS ((t1 || ' '::text)) STORED,
    identity_id integer NOT NULL,
    more integer,
    CONSTRAINT odd CHECK (((t1 ~* '^[a-z],;$'::text) AND (a1 = ANY (ARRAY[1, 2, 3]))))
);


ALTER TABLE public.copy_of OWNER TO me;

--
-- Name: copy_of_identity_id_seq; Type: SEQUENCE; Schema: public; Owner: me
--

ALTER TABLE public.copy_of ALTER COLUMN identity_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.copy_of_identity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 2147483647
    CACHE 1
);


--
-- Name: everything_identity_id_seq; Type: SEQUENCE; Schema: public; Owner: me
--

ALTER TABLE public.everything ALTER COLUMN identity_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.everything_identity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: parent; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.parent (
    id bigint,
    day date
)
PARTITION BY RANGE (day);


ALTER TABLE public.parent OWNER TO me;

--
-- Name: parent_2026; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.parent_2026 (
    id bigint,
    day date
);


ALTER TABLE public.parent_2026 OWNER TO me;

--
-- Name: parent_2027; Type: TABLE; Schema: public; Owner: me
--

CREATE TABLE public.parent_2027 (
    id bigint,
    day date
);


ALTER TABLE public.parent_2027 OWNER TO me;

--
-- Name: scratch; Type: TABLE; Schema: public; Owner: me
--

CREATE UNLOGGED TABLE public.scratch (
    id bigint
);


ALTER TABLE public.scratch OWNER TO me;

--
-- Name: seen; Type: VIEW; Schema: public; Owner: me
--

CREATE VIEW public.seen AS
 SELECT changing.id
   FROM public.changing;


ALTER TABLE public.seen OWNER TO me;

--
-- Name: new_name; Type: TABLE; Schema: sales; Owner: me
--

CREATE TABLE sales.new_name (
    id bigint,
    more text
);


ALTER TABLE sales.new_name OWNER TO me;

--
-- Name: parent_2026; Type: TABLE ATTACH; Schema: public; Owner: me
--

ALTER TABLE ONLY public.parent ATTACH PARTITION public.parent_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');


--
-- Name: parent_2027; Type: TABLE ATTACH; Schema: public; Owner: me
--

ALTER TABLE ONLY public.parent ATTACH PARTITION public.parent_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');


--
-- Name: everything a3; Type: DEFAULT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.everything ALTER COLUMN a3 SET DEFAULT nextval('public.everything_a3_seq'::regclass);


--
-- Name: everything a4; Type: DEFAULT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.everything ALTER COLUMN a4 SET DEFAULT nextval('public.everything_a4_seq'::regclass);


--
-- Name: everything a5; Type: DEFAULT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.everything ALTER COLUMN a5 SET DEFAULT nextval('public.everything_a5_seq'::regclass);


--
-- Name: changing changing_pkey; Type: CONSTRAINT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.changing
    ADD CONSTRAINT changing_pkey PRIMARY KEY (id);


--
-- Name: copy_of copy_of_id_a1_key; Type: CONSTRAINT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.copy_of
    ADD CONSTRAINT copy_of_id_a1_key UNIQUE (id, a1);


--
-- Name: copy_of copy_of_r1_excl; Type: CONSTRAINT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.copy_of
    ADD CONSTRAINT copy_of_r1_excl EXCLUDE USING gist (r1 WITH &&);


--
-- Name: everything everything_id_a1_key; Type: CONSTRAINT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.everything
    ADD CONSTRAINT everything_id_a1_key UNIQUE (id, a1);


--
-- Name: everything everything_r1_excl; Type: CONSTRAINT; Schema: public; Owner: me
--

ALTER TABLE ONLY public.everything
    ADD CONSTRAINT everything_r1_excl EXCLUDE USING gist (r1 WITH &&);


--
-- Name: changing_id; Type: INDEX; Schema: public; Owner: me
--

CREATE UNIQUE INDEX changing_id ON public.changing USING btree (id) WHERE (a IS NOT NULL);


--
-- PostgreSQL database dump complete
--

\unrestrict abc

