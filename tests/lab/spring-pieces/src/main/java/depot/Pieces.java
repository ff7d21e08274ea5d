package depot;

import javax.naming.InitialContext;
import javax.sql.DataSource;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.MessageSource;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.ImportResource;
import org.springframework.context.annotation.PropertySource;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.stereotype.Controller;
import org.springframework.stereotype.Service;
import org.springframework.validation.annotation.Validated;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseBody;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;

/** One configuration a name; run.sh takes the piece away that it needs and keeps what the service prints. */
public class Pieces {
    public static void main(String[] args) throws Exception {
        String[] rest = java.util.Arrays.copyOfRange(args, 1, args.length);
        SpringApplication.run(Class.forName("depot.Pieces$" + args[0]), rest);
    }

    @Configuration
    @EnableAutoConfiguration
    static class Plain {
    }

    @Configuration
    @EnableAutoConfiguration
    @EnableConfigurationProperties(Settings.class)
    static class Bound {
    }

    @Validated
    @ConfigurationProperties("depot.gate")
    static class Settings {
        @NotBlank
        private String code;
        private int width;

        public String getCode() { return code; }
        public void setCode(String code) { this.code = code; }
        public int getWidth() { return width; }
        public void setWidth(int width) { this.width = width; }
    }

    @Configuration
    @EnableAutoConfiguration
    static class Placed {
        @Value("${depot.tariff.url}")
        private String url;
    }

    interface Tariff {
    }

    @Service
    static class Billing {
        Billing(Tariff tariff) {
        }
    }

    @Configuration
    @EnableAutoConfiguration
    @Import(Billing.class)
    static class Billed {
    }

    @Configuration
    @EnableAutoConfiguration
    static class Qualified {
        @Autowired
        @Qualifier("nightPool")
        private java.util.concurrent.Executor pool;
    }

    @Configuration
    @EnableAutoConfiguration
    static class Looked {
        @Autowired
        void look(org.springframework.context.ApplicationContext context) {
            context.getBean("labelPrinter");
        }
    }

    @Configuration
    @EnableAutoConfiguration
    static class Stored {
        @Bean
        String orders(JdbcTemplate template) {
            return template.queryForObject("select 'x'", String.class);
        }
    }

    @Configuration
    @EnableAutoConfiguration
    @ImportResource("classpath:gates.xml")
    static class Xml {
    }

    @Configuration
    @EnableAutoConfiguration
    @PropertySource("classpath:depot.properties")
    static class Sourced {
    }

    @Configuration
    @EnableAutoConfiguration
    @EnableCaching
    static class Cached {
    }

    @Configuration
    @EnableAutoConfiguration
    static class Worded {
        @Autowired
        void word(MessageSource messages) {
            messages.getMessage("gate.open", null, java.util.Locale.ENGLISH);
        }
    }

    @Configuration
    @EnableAutoConfiguration
    static class Named {
        @Bean
        DataSource named() throws Exception {
            return (DataSource) new InitialContext().lookup("java:comp/env/jdbc/depot");
        }
    }

    record Gate(@NotBlank String name) {
    }

    @Controller
    static class Pages {
        @GetMapping("/page")
        String page() {
            return "gate";
        }

        @ResponseBody
        @GetMapping("/data")
        Gate data() {
            return new Gate("north");
        }

        @ResponseBody
        @PostMapping("/gates")
        Gate gates(@Valid @RequestBody Gate gate) {
            return gate;
        }

        @ResponseBody
        @GetMapping("/bug")
        String bug() {
            String nothing = System.getProperty("no.such.thing");
            return nothing.trim();
        }

        @ResponseBody
        @GetMapping("/deep")
        String deep() throws Exception {
            return Class.forName("depot.plugin.Weather").toString();
        }
    }

    @Configuration
    @EnableAutoConfiguration
    @Import(Pages.class)
    static class Web {
    }
}
