import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/**
 * Creates the topics and access rules of GraceDB instances once the broker answers. The users have the permissions
 * of a pipeline and a supervisor; topic "forbidden" denies all access, "readonly" denies writing. Arguments: bootstrap
 * server, instances, topics, users (each a comma-separated list), partitions of each topic.
 */
public final class Provision {
  private static final String ANY_HOST = "*";

  public static void main(String[] arguments) throws Exception {
    final String bootstrap = arguments[0];
    final String[] instances = arguments[1].split(",");
    final String[] names = arguments[2].split(",");
    final String[] users = arguments[3].split(",");
    final int partitions = Integer.parseInt(arguments[4]);

    final List<NewTopic> topics = new ArrayList<>();
    final List<AclBinding> rules = new ArrayList<>();
    for (String instance : instances) {
      for (String name : names) {
        topics.add(new NewTopic(instance + "." + name, Optional.of(partitions), Optional.empty()));
      }
      for (String user : users) {
        for (AclOperation operation : List.of(AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE)) {
          rules.add(allow(user, operation, new ResourcePattern(ResourceType.TOPIC, instance + ".", PatternType.PREFIXED)));
        }
      }
      rules.add(deny(AclOperation.ALL, topic(instance + ".forbidden")));
      rules.add(deny(AclOperation.WRITE, topic(instance + ".readonly")));
    }
    for (String user : users) {
      for (AclOperation operation : List.of(AclOperation.READ, AclOperation.DESCRIBE, AclOperation.DELETE)) {
        rules.add(allow(user, operation, new ResourcePattern(ResourceType.GROUP, "*", PatternType.LITERAL)));
      }
    }

    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap, "reconnect.backoff.ms", 50,
        "reconnect.backoff.max.ms", 200))) {
      final var created = admin.createTopics(topics).values();
      final var granted = admin.createAcls(rules).all();
      for (var topic : created.values()) {
        try {
          topic.get();
        } catch (ExecutionException failure) {
          if (!(failure.getCause() instanceof TopicExistsException)) throw failure;
        }
      }
      granted.get();
    }
  }

  private static AclBinding allow(String user, AclOperation operation, ResourcePattern on) {
    return new AclBinding(on, new AccessControlEntry("User:" + user, ANY_HOST, operation, AclPermissionType.ALLOW));
  }

  private static ResourcePattern topic(String name) {
    return new ResourcePattern(ResourceType.TOPIC, name, PatternType.LITERAL);
  }

  private static AclBinding deny(AclOperation operation, ResourcePattern on) {
    return new AclBinding(on, new AccessControlEntry("User:*", ANY_HOST, operation, AclPermissionType.DENY));
  }
}
